//! Where a connection's client runs, as the stdio front tells it once before all else: a task that is asked for without a
//! folder starts there, with that environment. Never shown to anybody.

use std::collections::BTreeMap;
use std::fmt;

use axiom_proto::bytestring::ByteString;
use axiom_proto::id::TaskId;
use axiom_proto::task::TaskSpec;
use serde::{Deserialize, Serialize};

/// The front's own notification; not part of the protocol, and never answered.
pub const HERE_METHOD: &str = "notifications/axiom/here";

/// Where it runs.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Here {
    /// Its working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<ByteString>,
    /// Its whole environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, ByteString>>,
    /// Its file mode mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// The task that it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An environment has secrets in it.
        f.debug_struct("Here")
            .field("cwd", &self.cwd)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

impl Here {
    /// A spec of a task that starts here, with these variables on top.
    pub(crate) fn spec(&self, variables: BTreeMap<String, String>) -> TaskSpec {
        let variables =
            variables.into_iter().map(|(name, value)| (name, value.into_bytes().into()));
        let mut env = self.env.clone().unwrap_or_default();
        env.extend(variables);
        TaskSpec {
            cwd: self.cwd.clone(),
            clear_env: self.env.is_some(),
            env,
            umask: self.umask,
            parent: self.task,
            ..TaskSpec::default()
        }
    }

    /// A folder as the front would understand it.
    pub(crate) fn folder(&self, path: &str) -> ByteString {
        match &self.cwd {
            Some(cwd) if !path.starts_with('/') => {
                let mut whole = cwd.0.clone();
                if whole.last() != Some(&b'/') {
                    whole.push(b'/');
                }
                whole.extend_from_slice(path.as_bytes());
                whole.into()
            }
            Some(_) | None => path.as_bytes().to_vec().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_found_from_where_the_client_runs() {
        let here = Here { cwd: Some("/srv/me".into()), ..Here::default() };
        assert_eq!(here.folder("src"), "/srv/me/src".into());
        assert_eq!(here.folder("/tmp"), "/tmp".into());
        assert_eq!(Here::default().folder("src"), "src".into());
    }

    #[test]
    fn the_clients_environment_is_the_whole_and_variables_come_on_top() {
        let env = BTreeMap::from([("A".to_owned(), "1".into()), ("B".to_owned(), "2".into())]);
        let here = Here { env: Some(env), ..Here::default() };
        let spec = here.spec(BTreeMap::from([("B".to_owned(), "3".to_owned())]));
        assert!(spec.clear_env);
        assert_eq!(
            spec.env,
            BTreeMap::from([("A".to_owned(), "1".into()), ("B".to_owned(), "3".into())])
        );
        assert!(!Here::default().spec(BTreeMap::new()).clear_env);
        assert!(!format!("{here:?}").contains("\"A\""));
    }
}
