//! Formulas that a config writes down.

use std::collections::BTreeMap;

use exmex::{Express, FlatEx};

use crate::fault::{Fault, require};

/// Formulas by name, each of which may use columns, variables and one another.
pub type Formulas = BTreeMap<String, String>;

/// A formula of named numbers: `+ - * / ^`, `sin`, `cos`, `tan`, `atan2`, `exp`,
/// `ln`, `log2`, `log10`, `sqrt`, `abs`, `min`, `max` and others of
/// [exmex](https://docs.rs/exmex), which parses it. A sign before a power, `-x^2`, is
/// refused, as people and parsers differ on what it means. Names are letters, digits and
/// `_`; any others stand in braces, such as `{pm2.5}`.
#[derive(Clone, Debug)]
pub struct Formula {
    expression: FlatEx<f64>,
    /// Index in the scope of each of its names, in the expression's order.
    indices: Vec<usize>,
}

impl Formula {
    /// Reads `text`, whose names must be in `scope`.
    ///
    /// # Errors
    /// What cannot be read, or which name is unknown and which there are.
    pub fn new(text: &str, scope: &[String]) -> Result<Self, String> {
        let expression = parse(text)?;
        let index = |name: &String| {
            let found = scope.iter().position(|known| known == name);
            found.ok_or_else(|| {
                format!(
                    "{text:?} names {name:?}, which is no column, variable or formula; there are \
                     {}",
                    scope.join(", ")
                )
            })
        };
        let indices = expression.var_names().iter().map(index);
        let indices = indices.collect::<Result<_, _>>()?;
        Ok(Self {
            expression,
            indices,
        })
    }

    /// The names in `text`.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn names(text: &str) -> Result<Vec<String>, String> {
        Ok(parse(text)?.var_names().to_vec())
    }

    /// That a key's text is a formula.
    ///
    /// # Errors
    /// A fault of `key` with what cannot be read.
    pub fn check(key: &str, expected: &str, text: &str) -> Result<(), Fault> {
        let read = Self::names(text);
        let why = read.as_ref().err().map_or("", String::as_str);
        require(read.is_ok(), key, expected, why)
    }

    /// Its value for the numbers of the scope; NaN where it has none.
    pub fn value(&self, scope: &[f64]) -> f64 {
        let values = self.indices.iter();
        let values = values.map(|&index| scope.get(index).copied().unwrap_or(f64::NAN));
        self.expression.eval_iter(values).unwrap_or(f64::NAN)
    }
}

fn parse(text: &str) -> Result<FlatEx<f64>, String> {
    if let Some(at) = ambiguous_sign(text) {
        return Err(format!(
            "{text:?}: the sign at character {} could belong to the base or to the power; write \
             (-x)^2 or 0 - x^2",
            at + 1
        ));
    }
    exmex::parse(&without_exponents(text)).map_err(|error| format!("{text:?}: {}", error.msg()))
}

/// Where a sign stands before the base of a power, as in `-x^2`.
fn ambiguous_sign(text: &str) -> Option<usize> {
    let all: Vec<char> = text.chars().collect();
    let signs = (0..all.len()).filter(|&at| all[at] == '-');
    let mut alone = signs.filter(|&at| {
        let before = all[..at].iter().rfind(|c| !c.is_whitespace());
        before.is_none_or(|c| "(,+-*/".contains(*c))
    });
    alone.find(|&at| {
        let base = all[at + 1..].iter().skip_while(|c| c.is_whitespace());
        let after = base.skip_while(|c| c.is_alphanumeric() || "_.{}".contains(**c));
        after.copied().find(|c| !c.is_whitespace()) == Some('^')
    })
}

/// The same formula with `1.5e-3` as `0.0015`.
fn without_exponents(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let within = result.chars().next_back().is_some_and(in_name);
        let digits = |text: &str| {
            text.len()
                - text
                    .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                    .len()
        };
        let mantissa = if within { 0 } else { digits(rest) };
        let power = rest[mantissa..].strip_prefix(['e', 'E']).map(|power| {
            let sign = usize::from(power.starts_with(['+', '-']));
            (sign + digits(&power[sign..]), digits(&power[sign..]) > 0)
        });
        let length = match power {
            Some((length, true)) if mantissa > 0 => mantissa + 1 + length,
            _ => 0,
        };
        match rest[..length].parse::<f64>() {
            Ok(number) => {
                result += &number.to_string();
                rest = &rest[length..];
            }
            Err(_) => {
                result.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    result
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
            ("(-a0)^2", 9.0),
            ("-1.5e-1*a0 + 2.5E+1/ln10*1e0", -0.45 + 25.0 / 7.0),
            ("-sqrt(a0 + 1)", -2.0),
            ("0 - a0^2", -9.0),
            ("2^-1", 0.5),
            ("exp(ln(exposure)) * {pm2.5}", 10.0),
            ("1/(a0 + exposure*ln10) - 273.15", 1.0 / 17.0 - 273.15),
            ("1e3*sqrt(a0+1)", 2000.0),
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
        for text in ["-a0^2", "exp(- a0 ^2)", "a1*-a0^2"] {
            let message = Formula::new(text, &scope).unwrap_err();
            assert!(message.contains("write (-x)^2"), "{message}");
        }
        assert!(Formula::new("a0 - a1^2", &scope).is_ok());
        let circle = [("p", "q"), ("q", "p")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let message = Program::new(&circle.into(), &mut scope.clone()).unwrap_err();
        assert!(message.contains("p = "), "{message}");
    }
}
