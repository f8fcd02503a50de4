//! A second copy of the workspace, for the commands that change it.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::files;

/// Makes `destination` hold exactly the files of the workspace; what has not changed is not touched.
///
/// A `target` directory inside the destination stays, so that the next run builds only what is new.
pub(crate) fn mirror(root: &Path, destination: &Path) -> Outcome {
    let wanted = files::list(root)?;
    fs::create_dir_all(destination).map_err(|cause| Failure::at(destination, cause))?;
    let mut present = Vec::new();
    files::walk(destination, "", &mut present)?;
    for stale in present.iter().filter(|file| wanted.binary_search(file).is_err()) {
        let path = destination.join(stale);
        fs::remove_file(&path).map_err(|cause| Failure::at(&path, cause))?;
    }
    for file in &wanted {
        let source = root.join(file);
        let contents = fs::read(&source).map_err(|cause| Failure::at(&source, cause))?;
        files::write_if_changed(&destination.join(file), &contents)?;
    }
    Ok(())
}
