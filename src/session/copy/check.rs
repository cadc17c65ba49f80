//! Copies that may be right already: of the same size as the source's file, but without a sum that proves it, or with
//! another time. Contents are compared, so that a copy made by another program is taken over instead of made again.

use std::sync::Arc;

use super::CopyError;
use super::run::Run;
use super::target::Known;
use crate::session::listing::File;

pub(super) fn check(run: &mut Run<'_>, files: &[&File]) -> Result<(), CopyError> {
    let (target, manifest) = (run.target.clone(), Arc::clone(&run.manifest));
    let known = Known::new(target.as_deref(), &manifest, run.kind);
    let heard = run.read_source(files);
    run.unless_cancelled()?;
    let (mut wanted, mut originals) = (Vec::new(), Vec::new());
    for (file, result) in files.iter().zip(heard) {
        let hash = match result {
            Some(Ok(whole)) => whole.hash,
            Some(Err(trouble)) => {
                run.carried(file, Err(trouble))?;
                continue;
            }
            None => continue,
        };
        match (known.sum(file), known.like(file)) {
            (Some(sum), _) if sum.hash == hash => {
                run.account(file, hash);
                run.touch.insert(file.path.clone());
            }
            (None, Some(copy)) => {
                wanted.push((copy, hash));
                originals.push(*file);
            }
            _ => drop(run.suspect.insert(file.path.clone())),
        }
    }
    let (origin, wrong) = run.read_target(&wanted);
    run.unless_cancelled()?;
    run.origin = run.origin.max(origin);
    let wrong: std::collections::HashSet<usize> = wrong.into_iter().map(|(at, _)| at).collect();
    for (at, (copy, hash)) in wanted.iter().enumerate() {
        let file = originals[at];
        if wrong.contains(&at) {
            run.suspect.insert(file.path.clone());
            continue;
        }
        run.account(file, *hash);
        run.proven.insert(file.path.clone());
        if copy.modified != file.modified || copy.mode & 0o777 != file.mode & 0o777 {
            run.touch.insert(file.path.clone());
        }
    }
    Ok(())
}
