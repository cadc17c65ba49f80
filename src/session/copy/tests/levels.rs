//! What a verification finds at each of its levels.

use super::*;
use crate::session::view::Level;

#[test]
fn each_level_finds_its_differences_with_and_without_the_source() {
    let bench = Bench::new();
    for name in ["a", "b", "c", "d"] {
        bench.write(name, name.as_bytes());
    }
    bench.copy();
    std::fs::write(bench.copy_of().join("a"), "A").unwrap();
    std::fs::write(bench.copy_of().join("b"), "longer").unwrap();
    std::fs::remove_file(bench.copy_of().join("c")).unwrap();
    std::fs::write(bench.copy_of().join("e"), "e").unwrap();
    let root = Root::now(&bench.root()).unwrap();
    let source = bench.source();
    let ask = |level, with| {
        let question = Question {
            root: &root,
            relative: Path::new("20250104/p001"),
            source: if with { Some(source.as_path()) } else { None },
            exclude: &|_| false,
            level: Some(level),
            parallel: 3,
            throttle: None,
            steer: &Alone,
        };
        verify::verify(&question).unwrap()
    };
    for with in [true, false] {
        for (level, different) in [(Level::Count, 0), (Level::Sizes, 1), (Level::Content, 2)] {
            let found = ask(level, with);
            assert_eq!(
                (found.missing.as_slice(), found.extra.as_slice()),
                (["c".to_owned()].as_slice(), ["e".to_owned()].as_slice())
            );
            assert_eq!(found.different.len(), different, "{level:?} {with} {found:?}");
            assert_eq!(found.read.is_some(), level == Level::Content);
        }
    }
    std::fs::remove_file(bench.root().join("20250104/p001.b3")).unwrap();
    let question = Question {
        root: &root,
        relative: Path::new("20250104/p001"),
        source: Some(Path::new("/not/there")),
        exclude: &|_| false,
        level: None,
        parallel: 0,
        throttle: None,
        steer: &Alone,
    };
    assert!(matches!(verify::verify(&question), Err(verify::VerifyError::Nothing(_))));
}
