//! What is shipped beside programs: manual pages, schemas, completions.

use std::fs;
use std::path::Path;

use super::BundleError;
use super::error::at;

/// A document: its place below the directory it is written into, and its bytes.
pub type Document = (String, Vec<u8>);

/// Writes them into a directory, which is made. Those that are there already are replaced.
pub fn write_documents(out: &Path, documents: &[Document]) -> Result<(), BundleError> {
    for (place, bytes) in documents {
        let path = out.join(place);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(at(above))?;
        }
        fs::write(&path, bytes).map_err(at(&path))?;
    }
    Ok(())
}
