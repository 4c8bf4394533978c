//! The only file that names ONNX Runtime: one session, one input, one output.
//!
//! The library is loaded at run time from the pinned file that `make setup` or the package puts in place, because the
//! crate's own download comes from no package registry. There is one runtime per process; a second session shares it.

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::session::IoBinding;
use ort::value::{Tensor, TensorElementType, ValueType};

use super::bundle::{Bundle, Layout, ModelSpec};
use super::error::IdentifyError;

static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

/// How the runtime is found and used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// The shared library; `None` looks in the usual places, see [`find_runtime`].
    pub library: Option<PathBuf>,
    /// Threads inside one run. On four small cores two beat four (fewer spikes).
    pub threads: usize,
}

impl Default for RuntimeSettings {
    fn default() -> Self {
        Self { library: None, threads: 1 }
    }
}

/// File name that `make setup` and the package give the library.
const LIBRARY: &str = "libonnxruntime.so";

/// Where the ONNX Runtime library is: the configured file, `BUNRI_ONNXRUNTIME`, `/usr/lib/bunri`, or
/// `.cache/onnxruntime` in the working folder or above the program.
///
/// # Errors
/// Naming every place looked at.
pub fn find_runtime(settings: &RuntimeSettings) -> Result<PathBuf, IdentifyError> {
    let mut looked = Vec::new();
    if let Some(library) = &settings.library {
        looked.push(library.clone());
    } else if let Some(library) = std::env::var_os("BUNRI_ONNXRUNTIME") {
        looked.push(library.into());
    } else {
        looked.push(PathBuf::from("/usr/lib/bunri").join(LIBRARY));
        looked.push(PathBuf::from(".cache/onnxruntime").join(LIBRARY));
        let program = std::env::current_exe().unwrap_or_default();
        looked
            .extend(program.ancestors().skip(1).map(|above| above.join(".cache/onnxruntime").join(LIBRARY)));
    }
    looked.iter().find(|path| path.is_file()).cloned().ok_or(IdentifyError::NoRuntime { looked })
}

/// A loaded network with its tensors.
pub(super) struct Session {
    spec: ModelSpec,
    session: ort::session::Session,
    binding: IoBinding,
    input: Tensor<u8>,
    logits: Vec<f32>,
    embedding: Vec<f32>,
}

/// What the network says of one picture.
pub(super) struct Outputs<'a> {
    /// One for each label.
    pub(super) logits: &'a [f32],
    /// Empty where the bundle names none.
    pub(super) embedding: &'a [f32],
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("spec", &self.spec).finish_non_exhaustive()
    }
}

fn failed<E: fmt::Display>(doing: &'static str) -> impl Fn(E) -> IdentifyError {
    move |error| IdentifyError::Runtime { doing, message: crate::one_line::joined(&error.to_string()) }
}

fn environment(settings: &RuntimeSettings) -> Result<&'static Environment, IdentifyError> {
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let library = find_runtime(settings)?;
    let built = ort::init_from(&library)
        .map_err(|error| IdentifyError::Library {
            path: library.clone(),
            message: crate::one_line::joined(&error.to_string()),
        })?
        .with_name("bunri")
        .with_telemetry(false)
        .build();
    match built {
        Ok(environment) => Ok(ENVIRONMENT.get_or_init(|| environment)),
        // Another thread was quicker: the runtime allows one environment and that thread is storing it.
        Err(error) => ENVIRONMENT.get().ok_or_else(|| failed("starting")(error)),
    }
}

impl Session {
    /// Loads the network and holds it against the manifest.
    pub(super) fn open(bundle: &Bundle, settings: &RuntimeSettings) -> Result<Self, IdentifyError> {
        let environment = environment(settings)?;
        let doing = "loading the network";
        let mut builder = ort::session::Session::builder(environment)
            .map_err(failed(doing))?
            .with_intra_threads(settings.threads)
            .map_err(failed(doing))?
            // A spinning thread would burn a core between frames and slow capture.
            .with_intra_op_spinning(false)
            .map_err(failed(doing))?;
        let session =
            builder.commit_from_file(&bundle.model_path).map_err(|error| IdentifyError::Network {
                path: bundle.model_path.clone(),
                message: crate::one_line::joined(&error.to_string()),
            })?;
        let width = check_contract(&session, bundle)?;
        let spec = bundle.manifest.model.clone();
        let labels = bundle.manifest.labels.len();
        let doing = "making its tensors";
        let input = Tensor::<u8>::new(session.allocator(), input_shape(&spec)).map_err(failed(doing))?;
        let output = Tensor::<f32>::new(session.allocator(), [1, labels as i64]).map_err(failed(doing))?;
        let mut binding = session.create_binding().map_err(failed(doing))?;
        // On the CPU the session reads the bound tensor in place: it is bound once and refilled.
        binding.bind_input(&spec.input, &input).map_err(failed(doing))?;
        binding.bind_output(&spec.output, output).map_err(failed(doing))?;
        if let Some(embedding) = &spec.embedding {
            let output = Tensor::<f32>::new(session.allocator(), [1, width as i64]).map_err(failed(doing))?;
            binding.bind_output(embedding, output).map_err(failed(doing))?;
        }
        let (logits, embedding) = (vec![0.0; labels], vec![0.0; width]);
        Ok(Self { spec, session, binding, input, logits, embedding })
    }

    /// Numbers of an embedding; 0 where the bundle names none.
    pub(super) fn width(&self) -> usize {
        self.embedding.len()
    }

    /// Logits and embedding of the last run; zeros before the first.
    pub(super) fn last(&self) -> (&[f32], &[f32]) {
        (&self.logits, &self.embedding)
    }

    /// Lets `fill` write the input, runs the network and returns one logit per label and the embedding.
    pub(super) fn run(
        &mut self,
        fill: impl FnOnce(&ModelSpec, &mut [u8]) -> Result<(), IdentifyError>,
    ) -> Result<Outputs<'_>, IdentifyError> {
        let (_, input) = self.input.extract_tensor_mut();
        fill(&self.spec, input)?;
        let doing = "running the network";
        let outputs = self.session.run_binding(&self.binding).map_err(failed(doing))?;
        let copy = |name: &str, to: &mut [f32]| {
            let output = outputs.get(name).ok_or_else(|| failed(doing)("it gave no output"))?;
            let (_, values) = output.try_extract_tensor::<f32>().map_err(failed(doing))?;
            to.copy_from_slice(values);
            Ok::<_, IdentifyError>(())
        };
        copy(&self.spec.output, &mut self.logits)?;
        if let Some(embedding) = &self.spec.embedding {
            copy(embedding, &mut self.embedding)?;
        }
        Ok(Outputs { logits: &self.logits, embedding: &self.embedding })
    }
}

fn input_shape(spec: &ModelSpec) -> [i64; 4] {
    let (width, height) = (i64::from(spec.width), i64::from(spec.height));
    match spec.layout {
        Layout::Nhwc => [1, height, width, 3],
        Layout::Nchw => [1, 3, height, width],
    }
}

/// Holds inputs and outputs against the manifest; returns the numbers of an embedding, 0 where it names none.
fn check_contract(session: &ort::session::Session, bundle: &Bundle) -> Result<usize, IdentifyError> {
    let spec = &bundle.manifest.model;
    let refuse = |message: String| IdentifyError::Shape { path: bundle.model_path.clone(), message };
    let check = |kind: &str, name: &str, outlets: &[ort::value::Outlet], element, shape: &[i64]| {
        let Some(outlet) = outlets.iter().find(|outlet| outlet.name() == name) else {
            let names: Vec<_> = outlets.iter().map(ort::value::Outlet::name).collect();
            return Err(refuse(format!("it has no {kind} '{name}', but {}", names.join(", "))));
        };
        match outlet.dtype() {
            ValueType::Tensor { ty, shape: found, .. } if *ty == element && found[..] == *shape => Ok(()),
            found => {
                Err(refuse(format!("{kind} '{name}' is {found}, the manifest says {element} {shape:?}")))
            }
        }
    };
    check("input", &spec.input, session.inputs(), TensorElementType::Uint8, &input_shape(spec))?;
    let labels = bundle.manifest.labels.len() as i64;
    check("output", &spec.output, session.outputs(), TensorElementType::Float32, &[1, labels])?;
    let Some(name) = &spec.embedding else { return Ok(0) };
    let Some(outlet) = session.outputs().iter().find(|output| output.name() == name) else {
        return Err(refuse(format!("it has no output '{name}' for the embedding")));
    };
    let width = match outlet.dtype() {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => match shape[..] {
            [1, width] => usize::try_from(width).unwrap_or(0),
            _ => 0,
        },
        _ => 0,
    };
    let statistics = bundle.statistics.as_ref().map_or(width, |statistics| statistics.width);
    if width == 0 || width != statistics {
        let found = outlet.dtype();
        return Err(refuse(format!("embedding '{name}' is {found}, f32 [1, {statistics}] is wanted")));
    }
    Ok(width)
}
