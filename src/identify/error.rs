//! What can go wrong with a bundle and its network.

use std::path::PathBuf;

/// A bundle, runtime or input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The manifest or the network cannot be read.
    #[error(
        "cannot read {path}: {source}; a bundle is a folder with manifest.toml and its model, see models/README.md",
        path = path.display()
    )]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not understood.
    #[error("{path}: {message}; mend it, or copy the whole bundle again", path = path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// The network file is not the one the manifest was written for.
    #[error(
        "{path} has sha256 {found}, its manifest says {expected}: the file is damaged or from another bundle; copy the whole bundle again",
        path = path.display()
    )]
    Hash {
        /// Which file.
        path: PathBuf,
        /// From the manifest.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// The statistics of the embeddings have the right hash and cannot be used all the same.
    #[error(
        "the statistics {path} do not fit the bundle: {message}; copy the whole bundle again, or make it anew",
        path = path.display()
    )]
    Statistics {
        /// Which file.
        path: PathBuf,
        /// What differs.
        message: String,
    },
    /// The site head cannot be read.
    #[error("cannot read the site head {path}: {source}; `bunri teach` makes one", path = path.display())]
    SiteUnread {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The site head is damaged or of another format.
    #[error(
        "the site head {path} cannot be used: {message}; teach the bin again, or go back with `bunri teach undo`",
        path = path.display()
    )]
    Site {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The site head was taught on another network.
    #[error(
        "the site head {path} does not fit the bundle: {message}; teach the bin again with this bundle",
        path = path.display()
    )]
    SiteOfAnother {
        /// Which file.
        path: PathBuf,
        /// What differs.
        message: String,
    },
    /// The network's inputs or outputs are not what the manifest says.
    #[error(
        "{path} does not fit its manifest: {message}; copy the whole bundle again, or mend its manifest",
        path = path.display()
    )]
    Shape {
        /// Which file.
        path: PathBuf,
        /// What differs.
        message: String,
    },
    /// The bundle answers differently here than where it was made, or too slowly.
    #[error("the self-test of {bundle} failed: {message}; it stays out, tell whoever made it")]
    SelfTest {
        /// Name and version.
        bundle: String,
        /// What differs.
        message: String,
    },
    /// There is no ONNX Runtime library.
    #[error(
        "no ONNX Runtime library; looked at {looked}: run `make setup`, or set [model] runtime in the configuration",
        looked = looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoRuntime {
        /// Every path tried.
        looked: Vec<PathBuf>,
    },
    /// The ONNX Runtime library is none, or not one for this program.
    #[error(
        "the ONNX Runtime library {path} cannot be used: {message}; run `make setup`, or set [model] runtime in the \
         configuration",
        path = path.display()
    )]
    Library {
        /// Which file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// The network's file has the right hash and is no network all the same.
    #[error("the network {path} cannot be loaded: {message}; install a bundle made for this program", path = path.display())]
    Network {
        /// Which file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// The runtime failed.
    #[error("ONNX Runtime failed while {doing}: {message}")]
    Runtime {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        message: String,
    },
    /// The region to look at does not lie inside the frame.
    #[error("the region {width}x{height} at {x},{y} is not inside the {frame_width}x{frame_height} picture")]
    Region {
        /// First column.
        x: u32,
        /// First row.
        y: u32,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Picture's columns.
        frame_width: u32,
        /// Picture's rows.
        frame_height: u32,
    },
    /// The region to look at is too tall to be summed up.
    #[error("a region of {rows} rows is too tall for a network of {outputs}: crop the picture first")]
    Rows {
        /// Region's rows.
        rows: u32,
        /// Network's rows.
        outputs: u32,
    },
}

impl IdentifyError {
    /// Whether trying again with the next frame may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, IdentifyError::Runtime { doing: "running the network", .. })
    }
}
