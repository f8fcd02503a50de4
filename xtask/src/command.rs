//! What a subcommand is, and how its arguments are read.

use std::fmt::Write as _;

use crate::failure::{Failure, Outcome};

/// One row of the command table.
#[derive(Debug)]
pub(crate) struct Subcommand {
    pub(crate) name: &'static str,
    /// The positional arguments as the help shows them.
    pub(crate) operands: &'static str,
    pub(crate) about: &'static str,
    pub(crate) flags: &'static [Flag],
    pub(crate) run: fn(&Arguments) -> Outcome,
}

impl Subcommand {
    /// The lines of the help that describe this subcommand.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("  {}\n      {}\n", format!("{} {}", self.name, self.operands).trim_end(), self.about);
        for flag in self.flags {
            let _ = writeln!(text, "      {:<18} {}", format!("{}{}", flag.name, flag.value.shown()), flag.about);
        }
        text
    }
}

/// One flag of a subcommand.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) value: FlagValue,
    pub(crate) about: &'static str,
}

/// Whether a flag takes a value.
#[derive(Debug)]
pub(crate) enum FlagValue {
    /// `--flag`
    None,
    /// `--flag value` or `--flag=value`
    Required(&'static str),
    /// `--flag` or `--flag=value`
    Optional(&'static str),
}

impl FlagValue {
    fn shown(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Required(value) => format!(" {value}"),
            Self::Optional(value) => format!("[={value}]"),
        }
    }
}

/// The arguments after the subcommand's name.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    operands: Vec<String>,
    flags: Vec<(&'static str, Option<String>)>,
}

impl Arguments {
    /// Sorts the command line into operands and known flags; the error says what is not known.
    pub(crate) fn parse(arguments: &[String], known: &[Flag]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if !argument.starts_with('-') {
                parsed.operands.push(argument.clone());
                continue;
            }
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let flag =
                known.iter().find(|flag| flag.name == name).ok_or_else(|| format!("there is no flag `{name}`"))?;
            match flag.value {
                FlagValue::None if value.is_some() => {
                    return Err(format!("`{name}` takes no value"));
                }
                FlagValue::Required(shown) if value.is_none() => {
                    value = Some(rest.next().cloned().ok_or_else(|| format!("`{name}` needs a value {shown}"))?);
                }
                FlagValue::None | FlagValue::Required(_) | FlagValue::Optional(_) => {}
            }
            parsed.flags.push((flag.name, value));
        }
        Ok(parsed)
    }

    /// All operands.
    pub(crate) fn operands(&self) -> &[String] {
        &self.operands
    }

    /// The only operand, or none; more than one is a usage error.
    pub(crate) fn at_most_one(&self) -> Outcome<Option<&str>> {
        match self.operands.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            [_, more, ..] => Err(Failure::Usage(format!("one argument is enough, what is `{more}`?"))),
        }
    }

    /// Whether the flag was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(given, _)| *given == name)
    }

    /// The flag's value, if the flag was given with one.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(given, _)| *given == name).and_then(|(_, value)| value.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag { name: "--mode", value: FlagValue::Required("<m>"), about: "" },
        Flag { name: "--mutate", value: FlagValue::Optional("deep"), about: "" },
        Flag { name: "--raise", value: FlagValue::None, about: "" },
    ];

    fn parse(arguments: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>(), FLAGS)
    }

    #[test]
    fn flags_and_operands_may_be_mixed() {
        let parsed = parse(&["pop", "--mode", "file_async", "--mutate=deep", "--raise"]).unwrap();
        assert_eq!(parsed.operands(), ["pop"]);
        assert_eq!(parsed.value("--mode"), Some("file_async"));
        assert_eq!(parsed.value("--mutate"), Some("deep"));
        assert!(parsed.has("--raise"));
    }

    #[test]
    fn an_optional_value_is_never_taken_from_the_next_argument() {
        let parsed = parse(&["--mutate", "deep"]).unwrap();
        assert_eq!(parsed.value("--mutate"), None);
        assert_eq!(parsed.operands(), ["deep"]);
    }

    #[test]
    fn what_is_not_known_or_not_complete_is_named() {
        assert!(parse(&["--live"]).unwrap_err().contains("--live"));
        assert!(parse(&["--mode"]).unwrap_err().contains("<m>"));
        assert!(parse(&["--raise=1"]).unwrap_err().contains("no value"));
    }
}
