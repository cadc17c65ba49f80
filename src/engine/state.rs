//! The state folder: where it is, what lies in it, and that only its owner can enter it.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

/// The folder of one fleet's engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFolder(PathBuf);

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no home to put it in.
    #[error("the state folder has no place: neither --state, $HOTSPARE_STATE, $XDG_STATE_HOME nor $HOME is set")]
    Homeless,
    /// It cannot be made or entered.
    #[error("the state folder {} cannot be used: {error}", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Others may write into it: they could put links in the place of what the engine writes.
    #[error("others may write into the state folder {} (mode {mode:o}); chmod go-w it, or use --state with a folder of your own", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("the state folder {} belongs to another user (uid {owner}); use --state with a folder of your own", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
}

impl StateFolder {
    /// `--state` or `$HOTSPARE_STATE` where given, else `$XDG_STATE_HOME/hotspare/<fleet name>`. Touches nothing.
    pub fn locate(explicit: Option<&Path>, fleet: &str) -> Result<Self, StateError> {
        if let Some(path) = explicit {
            let absolute =
                std::path::absolute(path).map_err(|error| StateError::Unusable { path: path.to_owned(), error })?;
            return Ok(Self(absolute));
        }
        let base = etcetera::choose_base_strategy().map_err(|_no_home| StateError::Homeless)?;
        let states = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self(states.join("hotspare").join(component(fleet))))
    }

    /// Makes the folder where it is missing, for its owner alone.
    pub fn prepare(&self) -> Result<(), StateError> {
        let unusable = |error| StateError::Unusable { path: self.0.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(unusable)?;
        let found = std::fs::metadata(&self.0).map_err(unusable)?;
        let (owner, me) = (found.uid(), rustix::process::geteuid());
        if found.mode() & 0o022 != 0 {
            return Err(StateError::Open { path: self.0.clone(), mode: found.mode() & 0o777 });
        }
        if owner != me.as_raw() && !me.is_root() {
            return Err(StateError::Foreign { path: self.0.clone(), owner });
        }
        Ok(())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of the recovery cards, one a pool.
    pub fn cards(&self) -> PathBuf {
        self.0.join("cards")
    }

    /// The socket that faces join.
    pub fn socket(&self) -> PathBuf {
        self.0.join("engine.sock")
    }

    /// The file whose lock is the right to run, and the embedded lease.
    pub fn lock(&self) -> PathBuf {
        self.0.join("engine.lock")
    }

    /// Folder of the logs.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// What a detached engine printed.
    pub fn output(&self) -> PathBuf {
        self.log().join("engine.out")
    }
}

/// A fleet's name as the name of one folder.
fn component(fleet: &str) -> String {
    let plain: String =
        fleet.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    match plain.trim_start_matches('.') {
        "" => "fleet".into(),
        rest => rest.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_name_is_one_component_whatever_it_holds() {
        assert_eq!(component("harbour"), "harbour");
        assert_eq!(component("../../etc"), "-..-etc");
        assert_eq!(component(".."), "fleet");
        assert_eq!(component("Halle A/2"), "Halle-A-2");
    }

    #[test]
    fn a_folder_that_others_may_write_into_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = StateFolder::locate(Some(parent.path()), "harbour").unwrap();
        for (mode, fine) in [(0o755, true), (0o775, false), (0o1777, false), (0o700, true)] {
            std::fs::set_permissions(parent.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(folder.prepare().is_ok(), fine, "{mode:o}");
        }
    }

    #[test]
    fn a_new_folder_is_for_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = StateFolder::locate(Some(&parent.path().join("a/b")), "harbour").unwrap();
        folder.prepare().unwrap();
        let mode = std::fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
