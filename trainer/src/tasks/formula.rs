//! Formulas that a config writes down.

use std::collections::BTreeMap;

use exmex::{Express, FlatEx, FloatOpsFactory, MatchLiteral, literal_matcher_from_pattern};

literal_matcher_from_pattern!(Number, r"^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?");

/// Numbers may have an exponent, as coefficients do.
type Expression = FlatEx<f64, FloatOpsFactory<f64>, Number>;

/// Formulas by name, each of which may use columns, variables and one another.
pub type Formulas = BTreeMap<String, String>;

/// A formula of named numbers: `+ - * / ^` (a sign comes first: `-x^2` is `(-x)^2`), `sin`, `cos`, `tan`, `atan2`, `exp`,
/// `ln`, `log2`, `log10`, `sqrt`, `abs`, `min`, `max` and others of
/// [exmex](https://docs.rs/exmex), which reads it once and then evaluates it
/// without reading it again. Names are letters, digits and `_`; any others stand
/// in braces, such as `{pm2.5}`.
#[derive(Clone, Debug)]
pub struct Formula {
    expression: Expression,
    /// Where each of its names is in the scope, in the expression's order.
    places: Vec<usize>,
}

impl Formula {
    /// Reads `text`, whose names must be in `scope`.
    ///
    /// # Errors
    /// What cannot be read, or which name is unknown and which there are.
    pub fn new(text: &str, scope: &[String]) -> Result<Self, String> {
        let expression = parse(text)?;
        let place = |name: &String| {
            let found = scope.iter().position(|known| known == name);
            found.ok_or_else(|| {
                format!(
                    "{text:?} names {name:?}, which is no column, variable or formula; there are \
                     {}",
                    scope.join(", ")
                )
            })
        };
        let places = expression.var_names().iter().map(place);
        let places = places.collect::<Result<_, _>>()?;
        Ok(Self { expression, places })
    }

    /// The names in `text`.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn names(text: &str) -> Result<Vec<String>, String> {
        Ok(parse(text)?.var_names().to_vec())
    }

    /// Its value for the numbers of the scope; NaN where it has none.
    pub fn value(&self, scope: &[f64]) -> f64 {
        let names = self.places.iter();
        let values = names.map(|&place| scope.get(place).copied().unwrap_or(f64::NAN));
        self.expression.eval_iter(values).unwrap_or(f64::NAN)
    }
}

fn parse(text: &str) -> Result<Expression, String> {
    Expression::parse(text).map_err(|error| format!("{text:?}: {}", error.msg()))
}

/// Formulas in an order in which each uses only what comes before it.
#[derive(Clone, Debug, Default)]
pub struct Program(Vec<Formula>);

impl Program {
    /// Reads `formulas` and adds their names to `scope`, in the order of their
    /// values.
    ///
    /// # Errors
    /// What cannot be read, and a name that is unknown or that needs itself.
    pub fn new(formulas: &Formulas, scope: &mut Vec<String>) -> Result<Self, String> {
        let mut program = Vec::with_capacity(formulas.len());
        let mut left: Vec<(&String, &String)> = formulas.iter().collect();
        while !left.is_empty() {
            let mut fault = None;
            let before = left.len();
            left.retain(|(name, text)| match Formula::new(text, scope) {
                Ok(formula) => {
                    program.push(formula);
                    scope.push((*name).clone());
                    false
                }
                Err(why) => {
                    fault.get_or_insert(format!("{name} = {why}"));
                    true
                }
            });
            if let (true, Some(fault)) = (left.len() == before, fault) {
                return Err(fault);
            }
        }
        Ok(Self(program))
    }

    /// Appends the values of all formulas to a scope.
    pub fn extend(&self, scope: &mut Vec<f64>) {
        for formula in &self.0 {
            let value = formula.value(scope);
            scope.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn formulas_are_computed_as_they_are_read() {
        let scope = names(&["a0", "exposure", "pm2.5", "ln10"]);
        let values = [3.0, 2.0, 5.0, 7.0];
        for (text, expected) in [
            ("a0 - exposure - 1", 0.0),
            ("2*a0^2/exposure", 9.0),
            ("-a0^2", 9.0),
            ("0 - a0^2", -9.0),
            ("2^-1", 0.5),
            ("exp(ln(exposure)) * {pm2.5}", 10.0),
            ("1/(a0 + exposure*ln10) - 273.15", 1.0 / 17.0 - 273.15),
            ("1e3*sqrt(a0+1)", 2000.0),
            ("1.5E-1*a0 + 2.*a0 - .5e+1", 1.45),
            ("2*PI*a0", 6.0 * std::f64::consts::PI),
            ("max(a0, ln10) + abs(-1)", 8.0),
        ] {
            let formula = Formula::new(text, &scope).unwrap();
            let value = formula.value(&values);
            assert!((value - expected).abs() < 1e-12, "{text}: {value}");
        }
        let nan = Formula::new("ln(-a0)", &scope).unwrap();
        assert!(nan.value(&values).is_nan());
    }

    #[test]
    fn a_formula_may_use_others_in_any_order() {
        let formulas = [("b", "a + 1"), ("a", "c * 2"), ("z", "b + a")];
        let formulas = formulas.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let formulas: Formulas = formulas.into();
        let mut scope = names(&["c"]);
        let program = Program::new(&formulas, &mut scope).unwrap();
        let mut values = vec![5.0];
        program.extend(&mut values);
        let z = scope.iter().position(|name| name == "z").unwrap();
        assert_eq!((scope.len(), values[z]), (4, 21.0));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let scope = names(&["a0", "a1"]);
        let message = Formula::new("a0 + a9", &scope).unwrap_err();
        assert!(
            message.contains("\"a9\"") && message.contains("a0, a1"),
            "{message}"
        );
        assert!(Formula::new("a0 + (", &scope).is_err());
        let circle = [("p", "q"), ("q", "p")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let message = Program::new(&circle.into(), &mut scope.clone()).unwrap_err();
        assert!(message.contains("p = "), "{message}");
    }
}
