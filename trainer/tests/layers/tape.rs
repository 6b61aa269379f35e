//! Reverse-mode differentiation of scalars, one operation at a time, in `f64`.

/// A number on a [`Tape`].
#[derive(Clone, Copy, Debug)]
pub struct Var(usize);

/// Every operation so far: its value, and its operands with the derivative by
/// each.
#[derive(Default)]
pub struct Tape {
    values: Vec<f64>,
    operands: Vec<[(usize, f64); 2]>,
}

impl Tape {
    /// A number that depends on no other.
    pub fn leaf(&mut self, value: f64) -> Var {
        self.push(value, [(0, 0.0); 2])
    }

    pub fn leaves(&mut self, values: &[f64]) -> Vec<Var> {
        values.iter().map(|&value| self.leaf(value)).collect()
    }

    pub fn value(&self, x: Var) -> f64 {
        self.values[x.0]
    }

    /// `value = f(x)` with `f'(x) = derivative`.
    pub fn unary(&mut self, x: Var, value: f64, derivative: f64) -> Var {
        self.push(value, [(x.0, derivative), (0, 0.0)])
    }

    pub fn add(&mut self, a: Var, b: Var) -> Var {
        self.push(self.value(a) + self.value(b), [(a.0, 1.0), (b.0, 1.0)])
    }

    pub fn subtract(&mut self, a: Var, b: Var) -> Var {
        self.push(self.value(a) - self.value(b), [(a.0, 1.0), (b.0, -1.0)])
    }

    pub fn multiply(&mut self, a: Var, b: Var) -> Var {
        let (va, vb) = (self.value(a), self.value(b));
        self.push(va * vb, [(a.0, vb), (b.0, va)])
    }

    pub fn divide(&mut self, a: Var, b: Var) -> Var {
        let (va, vb) = (self.value(a), self.value(b));
        self.push(va / vb, [(a.0, 1.0 / vb), (b.0, -va / (vb * vb))])
    }

    pub fn scale(&mut self, x: Var, factor: f64) -> Var {
        self.unary(x, self.value(x) * factor, factor)
    }

    pub fn exp(&mut self, x: Var) -> Var {
        let y = self.value(x).exp();
        self.unary(x, y, y)
    }

    pub fn sum(&mut self, terms: impl IntoIterator<Item = Var>) -> Var {
        let zero = self.leaf(0.0);
        terms
            .into_iter()
            .fold(zero, |sum, term| self.add(sum, term))
    }

    pub fn mean(&mut self, terms: &[Var]) -> Var {
        let sum = self.sum(terms.iter().copied());
        self.scale(sum, 1.0 / terms.len() as f64)
    }

    /// `∂result/∂x` for every number on the tape.
    pub fn gradient(&self, result: Var) -> Gradient {
        let mut adjoint = vec![0.0; self.values.len()];
        adjoint[result.0] = 1.0;
        for node in (0..=result.0).rev() {
            for (operand, derivative) in self.operands[node] {
                adjoint[operand] += adjoint[node] * derivative;
            }
        }
        Gradient(adjoint)
    }

    fn push(&mut self, value: f64, operands: [(usize, f64); 2]) -> Var {
        self.values.push(value);
        self.operands.push(operands);
        Var(self.values.len() - 1)
    }
}

/// See [`Tape::gradient`].
pub struct Gradient(Vec<f64>);

impl Gradient {
    pub fn of(&self, x: Var) -> f64 {
        self.0[x.0]
    }
}
