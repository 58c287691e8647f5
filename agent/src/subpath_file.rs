//! A file or directory that the app mounts with subPath, and that `link` and `watch` keep up to date:
//! `MOUNTPATH:VOLUME/PATH`.

use alloc::{format, string::String};

/// How it is kept up to date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A symlink into the volume: atomic.
    Symlink,
    /// A copy, overwritten in place.
    Copy,
}

/// One rewritten subPath mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubPathFile {
    /// How it is kept up to date.
    pub kind: Kind,
    /// The path at which the app sees it: absolute, without `..`.
    pub mount_path: String,
    /// The volume's name.
    pub volume: String,
    /// The path inside the volume.
    pub path: String,
}

impl SubPathFile {
    /// Reads `MOUNTPATH:VOLUME/PATH`. The API forbids `:` in a mountPath.
    pub fn parse(kind: Kind, text: &str) -> Option<SubPathFile> {
        let (mount_path, source) = text.split_once(':')?;
        let (volume, path) = source.split_once('/')?;
        let mount_path = mount_path.trim_end_matches('/');
        let valid = is_absolute(mount_path) && is_name(volume) && is_inside(path);
        valid.then(|| SubPathFile { kind, mount_path: mount_path.into(), volume: volume.into(), path: path.into() })
    }

    /// The target of the symlink, and the source of the copy: always through `..data`, never through a key's own symlink,
    /// which the kubelet makes later than the rename.
    pub fn source(&self) -> String {
        format!("vol/{}/..data/{}", self.volume, self.path)
    }

    /// Its path below the agent's directory.
    pub fn target(&self) -> String {
        let root = match self.kind {
            Kind::Symlink => "dir",
            Kind::Copy => "copy",
        };
        format!("{root}{}", self.mount_path)
    }

    /// The same for the copy that the validator sees, of a gated volume.
    pub fn candidate(&self) -> String {
        format!("copy/.candidate{}", self.mount_path)
    }
}

/// A volume's name: one path component.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && text != "." && text != ".."
}

/// An absolute path without `..`.
pub fn is_absolute(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(is_inside)
}

/// A relative path without `..`.
pub fn is_inside(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && text.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subpath_files_are_read() {
        let file = SubPathFile::parse(Kind::Symlink, "/etc/nginx/nginx.conf:conf/sub/nginx.conf").unwrap();
        assert_eq!(file.target(), "dir/etc/nginx/nginx.conf");
        assert_eq!(file.source(), "vol/conf/..data/sub/nginx.conf");
        assert_eq!(SubPathFile::parse(Kind::Copy, "/a/b:v/x:y").unwrap().path, "x:y");
    }

    #[test]
    fn paths_that_leave_their_directory_are_refused() {
        for bad in [
            "",
            "/a",
            "/a:v",
            "/a:v/",
            "a:v/x",
            "/:v/x",
            "/a/../b:v/x",
            "/a:../x",
            "/a:v/../x",
            "/a:/x",
            "/a:v//x",
            "/..:v/x",
        ] {
            assert_eq!(SubPathFile::parse(Kind::Copy, bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_accepted_path_climbs(text in "[/.:a]{0,16}") {
            if let Some(file) = SubPathFile::parse(Kind::Copy, &text) {
                let climbs = |path: &str| path.split('/').any(|part| part == "..");
                prop_assert!(!climbs(&file.target()) && !climbs(&file.path) && !climbs(&file.volume));
            }
        }
    }
}
