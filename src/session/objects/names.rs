//! Names of objects. Pure.

use std::path::Path;

use object_store::path::Path as Name;

use super::fault::Fault;

/// The longest name of an object, bytes.
const LONGEST: usize = 1024;

/// The object of a file below the prefix. A name that an object cannot have is refused, never changed.
pub(super) fn key(prefix: &str, file: &Path) -> Result<Name, String> {
    let Some(file) = file.to_str() else { return Err("an object's name must be UTF-8".into()) };
    let whole = if prefix.is_empty() { file.to_owned() } else { format!("{prefix}/{file}") };
    if whole.len() > LONGEST {
        return Err(format!("an object's name has at most {LONGEST} bytes"));
    }
    let odd = || "an object's name cannot hold control characters, `.` or `..`".to_owned();
    let name = Name::parse(&whole).map_err(|_why| odd())?;
    if name.as_ref() == whole { Ok(name) } else { Err(odd()) }
}

/// An object of hotspare's own.
pub(super) fn own(prefix: &str, name: &str) -> Result<Name, Fault> {
    key(prefix, Path::new(name)).map_err(Fault::Other)
}

/// What follows a prefix in the name of an object.
pub(super) fn below<'a>(prefix: &str, name: &'a Name) -> Option<&'a str> {
    let name: &str = name.as_ref();
    if prefix.is_empty() { Some(name) } else { name.strip_prefix(prefix)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_name_is_taken_as_it_is_or_not_at_all() {
        for name in ["a.mp4", "a b", "é%20+&?#", "[x]{y}^~`\\\"'", "a/b/c"] {
            assert_eq!(key("p/q", Path::new(name)).unwrap().as_ref(), format!("p/q/{name}"));
            assert_eq!(below("p/q", &key("p/q", Path::new(name)).unwrap()), Some(name));
            assert_eq!(below("", &key("", Path::new(name)).unwrap()), Some(name));
        }
        let long = "x".repeat(LONGEST - 1);
        for wrong in ["a\nb", "a\u{7f}", &long] {
            assert!(key("p", Path::new(wrong)).is_err(), "{wrong:?}");
        }
        assert!(key("p", Path::new(OsStr::from_bytes(b"a\xff"))).is_err());
        assert_eq!(below("p", &Name::from("pq/a")), None);
    }
}
