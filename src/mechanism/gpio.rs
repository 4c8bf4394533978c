//! GPIO lines through the kernel's character device (uAPI v2): the only place that names `gpiocdev`.
//!
//! - Never two requests for one drive's outputs: they are written by one call and given back by one close.
//! - Never a line that somebody else holds, and never a silent stand-in for one that is missing: every refusal says
//!   which line of which chip it is, who holds it, and what to do.
//! - Outputs start inactive, before anything else is asked of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gpiocdev::line::{EdgeDetection, EdgeKind, EventClock, Value, Values};
use gpiocdev::{Chip, Request};

use super::MechanismError;
use super::lines::{Bias, Edge, Input, Levels, LineId, Lines, LinesSpec, MOST_LINES, Output, bit};
use crate::clock::from_kernel_stamp;

/// Lines requested from the kernel.
#[derive(Debug)]
pub struct GpioLines {
    outputs: Option<Group>,
    inputs: Option<Group>,
}

/// Lines of one chip in one request, with their offsets in the order of the spec.
#[derive(Debug)]
struct Group {
    request: Request,
    offsets: Vec<u32>,
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    chip: PathBuf,
    offset: u32,
}

/// Requests every line of `spec`.
///
/// # Errors
/// The first line that is missing, busy or cannot be what it should be, in words for whoever mends it.
pub fn open(spec: &LinesSpec) -> Result<GpioLines, MechanismError> {
    let outputs = locate(spec.outputs.iter().map(|output| (&output.role, &output.id)))?;
    let inputs = locate(spec.inputs.iter().map(|input| (&input.role, &input.id)))?;
    for (index, found) in inputs.iter().enumerate() {
        if let Some(other) = outputs.iter().position(|output| output == found) {
            return Err(same_line(&spec.inputs[index].role, &spec.outputs[other].role, found));
        }
    }
    Ok(GpioLines {
        outputs: request_outputs(spec.consumer, &spec.outputs, &outputs)?,
        inputs: request_inputs(spec.consumer, &spec.inputs, &inputs)?,
    })
}

/// Whether every line of `spec` is there; requests none.
///
/// # Errors
/// The first line that is missing.
pub fn look_for(spec: &LinesSpec) -> Result<(), MechanismError> {
    locate(spec.outputs.iter().map(|output| (&output.role, &output.id)))?;
    locate(spec.inputs.iter().map(|input| (&input.role, &input.id)))?;
    Ok(())
}

/// [`open`] as the drives want it.
///
/// # Errors
/// As [`open`].
pub fn open_boxed(spec: &LinesSpec) -> Result<Box<dyn Lines>, MechanismError> {
    open(spec).map(|lines| Box::new(lines) as Box<dyn Lines>)
}

fn request_outputs(
    consumer: &str,
    outputs: &[Output],
    found: &[Found],
) -> Result<Option<Group>, MechanismError> {
    let Some(first) = found.first() else { return Ok(None) };
    let mut builder = Request::builder();
    builder.on_chip(&first.chip).with_consumer(consumer);
    for (output, line) in outputs.iter().zip(found) {
        builder.with_line(line.offset).as_output(Value::Inactive);
        if output.active_low {
            builder.as_active_low();
        }
    }
    let roles = outputs.iter().map(|output| (&output.role, &output.id));
    let request = builder.request().map_err(|error| explain(roles.clone(), found, "an output", &error))?;
    check_direction(roles, found, gpiocdev::line::Direction::Output)?;
    Ok(Some(Group { request, offsets: found.iter().map(|line| line.offset).collect() }))
}

fn request_inputs(
    consumer: &str,
    inputs: &[Input],
    found: &[Found],
) -> Result<Option<Group>, MechanismError> {
    let Some(first) = found.first() else { return Ok(None) };
    let mut builder = Request::builder();
    builder.on_chip(&first.chip).with_consumer(consumer);
    for (input, line) in inputs.iter().zip(found) {
        builder.with_line(line.offset).as_input();
        builder.with_edge_detection(EdgeDetection::BothEdges).with_event_clock(EventClock::Monotonic);
        if input.active_low {
            builder.as_active_low();
        }
        builder.with_bias(match input.bias {
            Bias::AsIs => None,
            Bias::Disabled => Some(gpiocdev::line::Bias::Disabled),
            Bias::PullUp => Some(gpiocdev::line::Bias::PullUp),
            Bias::PullDown => Some(gpiocdev::line::Bias::PullDown),
        });
        if !input.debounce.is_zero() {
            builder.with_debounce_period(input.debounce);
        }
    }
    let roles = inputs.iter().map(|input| (&input.role, &input.id));
    let wanted = "an input with its bias, debounce and edges";
    let request = builder.request().map_err(|error| explain(roles.clone(), found, wanted, &error))?;
    check_direction(roles, found, gpiocdev::line::Direction::Input)?;
    Ok(Some(Group { request, offsets: found.iter().map(|line| line.offset).collect() }))
}

/// Finds lines, all of one chip and each only once.
fn locate<'a>(lines: impl Iterator<Item = (&'a String, &'a LineId)>) -> Result<Vec<Found>, MechanismError> {
    let mut found: Vec<(&String, Found)> = Vec::new();
    for (role, id) in lines {
        let line = find(role, id)?;
        if let Some((other, _)) = found.iter().find(|(_, other)| *other == line) {
            return Err(same_line(role, other, &line));
        }
        if let Some((other, first)) = found.first().filter(|(_, first)| first.chip != line.chip) {
            return Err(MechanismError::TwoChips {
                role: role.clone(),
                chip: name_of(&line.chip),
                other: (*other).clone(),
                other_chip: name_of(&first.chip),
            });
        }
        found.push((role, line));
    }
    if found.len() > MOST_LINES {
        return Err(MechanismError::Hardware {
            doing: "requesting its lines",
            message: format!("{} lines are more than {MOST_LINES}", found.len()),
        });
    }
    Ok(found.into_iter().map(|(_, line)| line).collect())
}

fn find(role: &str, id: &LineId) -> Result<Found, MechanismError> {
    let missing =
        |looked_in: String| MechanismError::NoLine { role: role.to_owned(), line: id.to_string(), looked_in };
    let chips = open_chips(role)?;
    let names = chips.iter().map(Chip::name).collect::<Vec<_>>().join(", ");
    let wanted = match id {
        LineId::Named { chip, .. } => chip.as_deref(),
        LineId::Offset { chip, .. } => Some(chip.as_str()),
    };
    let mut lines = Vec::new();
    let mut looked_in = Vec::new();
    for chip in chips.iter().filter(|chip| wanted.is_none_or(|wanted| is_called(chip, wanted))) {
        looked_in.push(chip.name());
        let offset = match id {
            LineId::Named { name, .. } => chip.find_line_info(name).map(|info| info.offset),
            LineId::Offset { offset, .. } => chip.line_info(*offset).is_ok().then_some(*offset),
        };
        lines.extend(offset.map(|offset| Found { chip: chip.path().to_owned(), offset }));
    }
    match (lines.len(), looked_in.len()) {
        (1, _) => Ok(lines.remove(0)),
        (0, 0) => Err(MechanismError::NoChip {
            role: role.to_owned(),
            chip: wanted.unwrap_or("at all").to_owned(),
            there_are: if names.is_empty() { "none".to_owned() } else { names },
        }),
        (0, _) => Err(missing(looked_in.join(", "))),
        (_, _) => Err(MechanismError::AmbiguousLine {
            role: role.to_owned(),
            line: id.to_string(),
            chips: lines.iter().map(|line| name_of(&line.chip)).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Every chip of the board that may be opened. A chip that may not is an error: its lines would seem to be missing.
fn open_chips(role: &str) -> Result<Vec<Chip>, MechanismError> {
    let refuse = |chip: &Path, message: String| MechanismError::ChipRefused {
        role: role.to_owned(),
        chip: chip.display().to_string(),
        message,
    };
    let paths = gpiocdev::chip::chips().map_err(|error| refuse(Path::new("/dev"), error.to_string()))?;
    let open = |path: PathBuf| Chip::from_path(&path).map_err(|error| refuse(&path, error.to_string()));
    paths.into_iter().map(open).collect()
}

/// By device, path or label: numbers of chips differ between kernels, labels do not.
fn is_called(chip: &Chip, wanted: &str) -> bool {
    let by_path = || Path::new(wanted).canonicalize().is_ok_and(|path| path == chip.path());
    chip.name() == wanted || by_path() || chip.info().is_ok_and(|info| info.label == wanted)
}

/// Why the kernel refused a request: who holds a line, or what the line cannot be.
fn explain<'a>(
    roles: impl Iterator<Item = (&'a String, &'a LineId)> + Clone,
    found: &[Found],
    wanted: &'static str,
    error: &gpiocdev::Error,
) -> MechanismError {
    for ((role, id), line) in roles.clone().zip(found) {
        let Ok(info) = Chip::from_path(&line.chip).and_then(|chip| chip.line_info(line.offset)) else {
            continue;
        };
        if info.used {
            let consumer = if info.consumer.is_empty() { "the kernel".to_owned() } else { info.consumer };
            return MechanismError::LineBusy {
                role: role.clone(),
                line: id.to_string(),
                chip: name_of(&line.chip),
                offset: line.offset,
                consumer,
            };
        }
    }
    let lines: Vec<_> = roles.map(|(role, id)| format!("{role} ({id})")).collect();
    let chip = found.first().map(|line| name_of(&line.chip)).unwrap_or_default();
    MechanismError::LineRefused { lines: lines.join(", "), chip, wanted, message: error.to_string() }
}

/// Looks whether the kernel did what it was asked: some expanders have lines of one direction only.
fn check_direction<'a>(
    roles: impl Iterator<Item = (&'a String, &'a LineId)>,
    found: &[Found],
    wanted: gpiocdev::line::Direction,
) -> Result<(), MechanismError> {
    for ((role, id), line) in roles.zip(found) {
        let info = Chip::from_path(&line.chip).and_then(|chip| chip.line_info(line.offset));
        if info.is_ok_and(|info| info.direction != wanted) {
            let is_output = wanted == gpiocdev::line::Direction::Output;
            return Err(MechanismError::LineRefused {
                lines: format!("{role} ({id})"),
                chip: name_of(&line.chip),
                wanted: if is_output { "an output" } else { "an input" },
                message: "it has the other direction after the request".to_owned(),
            });
        }
    }
    Ok(())
}

fn same_line(role: &str, other: &str, line: &Found) -> MechanismError {
    MechanismError::SameLine {
        role: role.to_owned(),
        other: other.to_owned(),
        chip: name_of(&line.chip),
        offset: line.offset,
    }
}

fn name_of(chip: &Path) -> String {
    chip.file_name().unwrap_or(chip.as_os_str()).to_string_lossy().into_owned()
}

fn failed(doing: &'static str) -> impl Fn(gpiocdev::Error) -> MechanismError {
    move |error| MechanismError::Hardware { doing, message: error.to_string() }
}

impl Lines for GpioLines {
    fn write(&mut self, active: Levels) -> Result<(), MechanismError> {
        let Some(group) = &self.outputs else { return Ok(()) };
        let mut values = Values::default();
        for (index, offset) in group.offsets.iter().enumerate() {
            values.set(*offset, Value::from(active & bit(index) != 0));
        }
        group.request.set_values(&values).map_err(failed("writing its outputs"))
    }

    fn read(&mut self) -> Result<Levels, MechanismError> {
        let Some(group) = &self.inputs else { return Ok(0) };
        let mut values = Values::from_offsets(&group.offsets);
        group.request.values(&mut values).map_err(failed("reading its inputs"))?;
        let active = group.offsets.iter().enumerate();
        let active = active.filter(|(_, offset)| values.get(**offset) == Some(Value::Active));
        Ok(active.fold(0, |levels, (index, _)| levels | bit(index)))
    }

    fn next_edge(&mut self) -> Result<Option<Edge>, MechanismError> {
        let Some(group) = &self.inputs else { return Ok(None) };
        if !group.request.has_edge_event().map_err(failed("looking for edges"))? {
            return Ok(None);
        }
        let event = group.request.read_edge_event().map_err(failed("reading an edge"))?;
        let input = group.offsets.iter().position(|offset| *offset == event.offset);
        Ok(input.map(|input| Edge {
            input,
            active: event.kind == EdgeKind::Rising,
            at: from_kernel_stamp(event.timestamp_ns),
        }))
    }

    fn wait_edge(&mut self, limit: Duration) -> Result<bool, MechanismError> {
        match &self.inputs {
            Some(group) => group.request.wait_edge_event(limit).map_err(failed("waiting for an edge")),
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(id: LineId) -> LinesSpec {
        let output = Output { role: "drive.enable".to_owned(), id, active_low: false };
        LinesSpec { consumer: "bunri-test", outputs: vec![output], inputs: Vec::new() }
    }

    #[test]
    fn a_missing_line_or_chip_is_named_with_what_to_do() {
        let by_name = LineId::Named { chip: None, name: "NO-SUCH-LINE".to_owned() };
        let error = open(&output(by_name)).unwrap_err().to_string();
        assert!(error.contains("drive.enable"), "{error}");
        let by_number = LineId::Offset { chip: "no-such-chip".to_owned(), offset: 3 };
        let error = open(&output(by_number)).unwrap_err();
        assert!(matches!(&error, MechanismError::NoChip { chip, .. } if chip == "no-such-chip"), "{error}");
        assert!(error.to_string().contains("gpiodetect"), "{error}");
    }

    #[test]
    fn a_spec_without_lines_asks_the_kernel_for_nothing() {
        let mut lines = open(&LinesSpec::default()).unwrap();
        lines.write(1).unwrap();
        assert_eq!((lines.read().unwrap(), lines.next_edge().unwrap()), (0, None));
    }
}
