//! The flags of `link`.

use super::{non_empty, parent, split, subpath_file, unknown_flag};
use crate::errors::Problem;
use crate::subpath_file::SubPathFile;
use alloc::{string::String, vec::Vec};

/// The directories and files to prepare.
#[derive(Clone, Default, Debug)]
pub struct LinkOptions {
    /// Directories to copy from the image.
    pub parents: Vec<String>,
    /// SubPath files to create.
    pub subpath_files: Vec<SubPathFile>,
    /// The container for which `watch` prepares them: wait until it has.
    pub awaited: Option<String>,
    /// Volumes whose copies get a second file, which the validator sees.
    pub gated: Vec<String>,
}

/// Reads the flags of `link`.
pub fn link(args: &[&str]) -> Result<LinkOptions, Vec<Problem>> {
    let mut link = LinkOptions::default();
    let read = |arg: &&str| {
        let (name, value) = split(arg)?;
        match name {
            "--parent" => link.parents.push(parent(name, value)?),
            "--symlink" | "--copy" => link.subpath_files.push(subpath_file(name, value)?),
            "--await" => link.awaited = Some(non_empty(name, value)?),
            "--gated" => link.gated.push(non_empty(name, value)?),
            _ => return Err(unknown_flag(name)),
        }
        Ok(())
    };
    let problems: Vec<Problem> = args.iter().map(read).filter_map(Result::err).collect();
    if problems.is_empty() { Ok(link) } else { Err(problems) }
}
