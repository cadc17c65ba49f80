//! What is read on hosts: logs of services, and configuration files. Whether they are there, may be read, and what reads them.

use std::time::Duration;

use super::{Bag, Examination, bad, good, risk};
use crate::engine::command::Finding;
use crate::reach::program;
use crate::reach::quote;
use crate::reach::ssh::{Output, Remote, SshError};
use crate::service::logs::target::{self, Source, Target};

/// How long a host may take to answer, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says a line for each of its arguments: `file PATH` or `docker NAME`.
const LOOK: &str = r#"for hs_program in stat tail head find; do
  command -v "$hs_program" >/dev/null 2>&1 || echo "program $hs_program"
done
while [ $# -gt 0 ]; do
  hs_file=$2
  case $hs_file in "~/"*) hs_file=$HOME/${hs_file#"~/"} ;; esac
  case $1 in
    file)
      if [ ! -e "$hs_file" ]; then echo "missing $2"
      elif [ -d "$hs_file" ]; then echo "folder $2"
      elif [ ! -r "$hs_file" ]; then echo "unreadable $2"; fi ;;
    docker)
      if ! command -v docker >/dev/null 2>&1; then echo "program docker"
      elif ! docker version >/dev/null 2>&1; then echo "refused $2"
      else docker inspect "$2" >/dev/null 2>&1 || docker service inspect "$2" >/dev/null 2>&1 || echo "unknown $2"; fi ;;
  esac
  shift 2
done"#;

pub(super) fn examinations(bag: &Bag) -> Vec<Examination> {
    let mut list = Vec::new();
    for service in bag.fleet.services.iter().filter(|service| service.logs.is_some()) {
        let Ok(target) = target::find(&bag.fleet, &service.name) else { continue };
        let (subject, bag) = (format!("logs of {}", service.name), bag.clone());
        list.push(Examination::new(subject.clone(), async move { logs(&bag, &subject, &target).await }));
    }
    if !bag.fleet.configs.is_empty() {
        list.push(Examination::new("git", async { vec![git().await] }));
    }
    for config in &bag.fleet.configs {
        for host in bag.fleet.hosts.iter().filter(|host| config.hosts.holds(host)) {
            let subject = format!("config backup {} of {}", config.name, host.name);
            let named = config.files.iter().filter(|file| !file.contains(['*', '?', '[']));
            let words: Vec<&str> = named.flat_map(|file| ["file", file.as_str()]).collect();
            let (script, ssh, bag) = (script(&words), host.ssh.clone(), bag.clone());
            list.push(Examination::new(subject.clone(), async move {
                let looked = bag.prober.ssh().run(&ssh, &Remote::new(script, PATIENCE)).await;
                findings(&subject, looked, "every file that is named can be read")
            }));
        }
    }
    list
}

fn script(words: &[&str]) -> String {
    format!("set -- {}\n{LOOK}", quote::join(words.iter().copied()))
}

async fn logs(bag: &Bag, subject: &str, target: &Target) -> Vec<Finding> {
    let word = |source: &Source| match source {
        Source::File(path) => ["file".to_owned(), path.clone()],
        Source::Docker(name) => ["docker".to_owned(), name.clone()],
    };
    let words: Vec<String> = target.places.iter().flat_map(|place| word(&place.source)).collect();
    let script = script(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let looked = bag.prober.ssh().run(&target.ssh, &Remote::new(script, PATIENCE)).await;
    findings(subject, looked, "there, and can be read")
}

/// One finding for each thing that is not as it should be, or one that all is well.
fn findings(subject: &str, looked: Result<Output, SshError>, well: &str) -> Vec<Finding> {
    let output = match looked {
        Ok(output) => output,
        Err(error) => return vec![bad(subject, error.to_string(), error.remedy)],
    };
    let said = output.text();
    let wrong: Vec<Finding> = said
        .lines()
        .filter_map(|line| {
            let (word, what) = line.split_once(' ')?;
            Some(match word {
                "program" => {
                    bad(subject, format!("{what} is not installed there"), format!("install {what} on the host"))
                }
                "missing" => {
                    risk(subject, format!("{what} is not there"), "correct the path, or wait until it is written")
                }
                "unreadable" => {
                    let remedy = "give the user that logs in the right to read it, such as by its group";
                    bad(subject, format!("{what} may not be read"), remedy)
                }
                "folder" => bad(subject, format!("{what} is a folder"), "name the files in it"),
                "refused" => {
                    let remedy = "is docker running, and is the user that logs in in its group?";
                    bad(subject, "docker does not answer there", remedy)
                }
                _ => bad(subject, format!("docker knows no {what}"), "correct the name: docker ps, docker service ls"),
            })
        })
        .collect();
    if wrong.is_empty() { vec![good(subject, well)] } else { wrong }
}

/// Whether versions of configuration files can be kept by git.
async fn git() -> Finding {
    let mut command = program::command("git");
    command.arg("--version");
    match tokio::time::timeout(PATIENCE, program::run(command, b"", 200)).await {
        Ok(Ok(ended)) if ended.status.success() => {
            good("git", crate::reach::plain::line(&String::from_utf8_lossy(&ended.stdout), 60))
        }
        _ => risk(
            "git",
            "not installed here: versions of configuration files are kept as dated copies",
            "apt-get install git, where their history should be looked at with git",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::command::Grade;

    #[test]
    fn what_is_wrong_on_a_host_is_said_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("it's a log"), "").unwrap();
        let looked = |words: &[&str]| {
            let ran = std::process::Command::new("sh").args(["-c", &script(words)]).output().unwrap();
            findings("x", Ok(Output { status: 0, stdout: ran.stdout, stderr: ran.stderr }), "well")
        };
        assert_eq!(looked(&["file", &path("it's a log")])[0].grade, Grade::Good);
        let wrong = looked(&["file", &path("none"), "file", folder.path().to_str().unwrap()]);
        let grades: Vec<Grade> = wrong.iter().map(|finding| finding.grade).collect();
        assert_eq!(grades, [Grade::Risk, Grade::Bad], "{wrong:?}");
        assert!(wrong.iter().all(|finding| !finding.remedy.is_empty()));
    }
}
