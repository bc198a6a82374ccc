//! The options of a script: `--name value` pairs, each taken once.
//! What is left over when a script has taken its own is refused.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use super::LoadError;

/// What was given and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Options {
    given: Vec<(String, OsString)>,
}

impl Options {
    pub(super) fn of(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, LoadError> {
        let mut given = Vec::new();
        while let Some(name) = arguments.next() {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with("--") {
                return Err(LoadError::Option { option: name, problem: "options begin with --" });
            }
            let Some(value) = arguments.next() else {
                return Err(LoadError::Option { option: name, problem: "needs a value" });
            };
            given.push((name, value));
        }
        Ok(Self { given })
    }

    /// A file's path.
    pub(super) fn path(&mut self, name: &str) -> Option<PathBuf> {
        let at = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.remove(at).1.into())
    }

    /// A value, where it was given.
    pub(super) fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, LoadError> {
        let Some(text) = self.path(name) else { return Ok(None) };
        match text.to_str().and_then(|text| text.parse().ok()) {
            Some(value) => Ok(Some(value)),
            None => {
                Err(LoadError::Option { option: name.to_owned(), problem: "not a value of it" })
            }
        }
    }

    /// A value that must be given.
    pub(super) fn needed<T: FromStr>(&mut self, name: &str) -> Result<T, LoadError> {
        let value = self.value(name)?;
        value.ok_or(LoadError::Option { option: name.to_owned(), problem: "must be given" })
    }

    /// Refuses what no one took.
    pub(super) fn end(self) -> Result<(), LoadError> {
        match self.given.into_iter().next() {
            None => Ok(()),
            Some((option, _)) => {
                Err(LoadError::Option { option, problem: "is not of this script" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<Options, LoadError> {
        Options::of(words.iter().map(OsString::from))
    }

    #[test]
    fn values_are_taken_once_and_the_rest_is_refused() {
        let mut options = options(&["--bytes", "12", "--seed", "7"]).unwrap();
        assert_eq!(options.needed::<u64>("--bytes").unwrap(), 12);
        assert_eq!(options.value::<u64>("--bytes").unwrap(), None);
        let error = options.end().unwrap_err();
        assert_eq!(error.to_string(), "option --seed: is not of this script");
    }

    #[test]
    fn a_wrong_or_missing_value_names_its_option() {
        let error = options(&["--bytes"]).unwrap_err();
        assert_eq!(error.to_string(), "option --bytes: needs a value");
        let error = options(&["--bytes", "x"]).unwrap().needed::<u64>("--bytes").unwrap_err();
        assert_eq!(error.to_string(), "option --bytes: not a value of it");
        let error = options(&[]).unwrap().needed::<u64>("--bytes").unwrap_err();
        assert_eq!(error.to_string(), "option --bytes: must be given");
    }
}
