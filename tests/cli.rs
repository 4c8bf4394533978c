//! Bad input: each gets one clear line saying what, where and what to do; nothing panics and nothing is lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed test stops where it failed"
)]

#[allow(dead_code, reason = "each test file uses its part")]
mod program;
#[allow(dead_code, reason = "each test file uses its part")]
mod tally_support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use program::running::Running;
use program::{Bin, Ran, bunri, clip_folder, copy_folder, path_value, root};

fn picture() -> PathBuf {
    clip_folder("can").join("0041.jpg")
}

/// `bunri check` of a configuration must name exactly these problems, each in its line.
fn check_finds(bin: &Bin, expected: &[&[&str]]) {
    let ran = Ran::of(&mut bin.command("check"));
    let lines = ran.complaints();
    assert_eq!(lines.len(), expected.len(), "{ran}");
    for says in expected {
        let found = lines.iter().filter(|line| says.iter().all(|part| line.contains(part)));
        assert_eq!(found.count(), 1, "{says:?}\n{ran}");
    }
}

#[test]
fn the_version_names_the_commit() {
    let ran = Ran::of(&mut bunri(["--version"])).fine();
    let commit = ran.stdout.trim().strip_prefix(concat!("bunri ", env!("CARGO_PKG_VERSION"), " ("));
    let commit = commit.and_then(|rest| rest.strip_suffix(')')).unwrap();
    assert!(commit.len() >= 7 && commit.chars().take(7).all(|c| c.is_ascii_hexdigit()), "{ran}");
}

#[test]
fn the_demos_configuration_is_fine() {
    let bin = Bin::new();
    let ran = Ran::of(&mut bin.command("check")).fine();
    for what in ["configuration", "clips", "bundle bunri-lite0", "state folder"] {
        assert!(ran.stdout.lines().any(|line| line.starts_with("ok") && line.contains(what)), "{ran}");
    }
    assert!(ran.stderr.is_empty(), "{ran}");
}

/// What to write instead of what in a manifest.
type Change = Option<(&'static str, &'static str)>;

#[test]
fn a_bundle_that_does_not_fit_is_refused_wherever_it_is_used() {
    let shipped = root().join("models/bunri-lite0");
    // Changes to the manifest: from, to, and what the line must say besides the file.
    let manifest = |from: &'static str, to: &'static str, says: &'static str| (Some((from, to)), None, says);
    let cases: [(Change, Option<&[u8]>, &str); 10] = [
        (None, Some(b"garbage"), "copy the whole bundle again"),
        manifest("file = \"statistics.safetensors\"", "file = \"MODEL_CARD.md\"", "damaged"),
        manifest("layout = \"nhwc\"", "layout = \"nchw\"", "input 'pixels'"),
        manifest("width = 224", "width = 200", "input 'pixels'"),
        manifest("dtype = \"uint8\"", "dtype = \"float32\"", "float32"),
        manifest("input = \"pixels\"", "input = \"image\"", "no input 'image', but pixels"),
        manifest("output = \"logits\"", "output = \"scores\"", "no output 'scores'"),
        manifest("output = \"logits\"", "output = \"embedding\"", "output 'embedding'"),
        manifest("embedding = \"embedding\"", "embedding = \"features\"", "no output 'features'"),
        manifest(
            "[training]",
            "[[label]]\nid = \"more\"\nstream = \"can\"\nthreshold = 0.5\n[training]",
            "means is 10x1280, 11 labels",
        ),
    ];
    let bin = Bin::new();
    let folder = bin.path("bundle");
    for (change, model, says) in cases {
        copy_folder(&shipped, &folder);
        if let Some((from, to)) = change {
            let path = folder.join("manifest.toml");
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{from}");
            // Its reference pictures would complain first.
            let text = text.split("\n[reference]\n").next().unwrap();
            fs::write(path, text.replacen(from, to, 1)).unwrap();
        }
        if let Some(bytes) = model {
            fs::write(folder.join("model.onnx"), bytes).unwrap();
        }
        let ran = Ran::of(bunri(["classify", "--bundle"]).arg(&folder).arg(picture()));
        ran.refuses(&[folder.to_str().unwrap(), says, "bundle"]);
    }
}

#[test]
fn a_missing_or_broken_network_is_one_line_in_every_command() {
    let mut bin = Bin::new();
    bin.set("model.bundle", path_value(bin.path("nowhere")));
    check_finds(&bin, &[&["nowhere/manifest.toml", "cannot read", "a bundle is a folder"]]);

    // Garbage with the right hash.
    let folder = bin.path("broken");
    copy_folder(&root().join("models/bunri-lite0"), &folder);
    let garbage = b"no network at all".repeat(100);
    let hash: String = Sha256::digest(&garbage).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = fs::read_to_string(folder.join("manifest.toml")).unwrap();
    let mut manifest: toml::Table = manifest.parse().unwrap();
    manifest["model"]["sha256"] = hash.into();
    fs::write(folder.join("manifest.toml"), manifest.to_string()).unwrap();
    fs::write(folder.join("model.onnx"), garbage).unwrap();
    bin.set("model.bundle", path_value(&folder));
    let says = [folder.join("model.onnx").display().to_string(), "cannot be loaded".into(), "bundle".into()];
    let says: Vec<&str> = says.iter().map(String::as_str).collect();
    check_finds(&bin, &[&says]);
    Ran::of(&mut bin.command("demo")).refuses(&says);
    Ran::of(bin.command("replay").arg(clip_folder("can"))).refuses(&says);
    Ran::of(bin.command("classify").arg(picture())).refuses(&says);
    Ran::of(&mut bin.command("run")).refuses(&says);
}

#[test]
fn a_runtime_library_that_is_missing_or_another_one_is_named() {
    let mut bin = Bin::new();
    for (library, says) in
        [(bin.path("nowhere.so"), "no ONNX Runtime library"), (picture(), "cannot be used")]
    {
        bin.set("model.runtime", path_value(&library));
        check_finds(&bin, &[&[says, library.to_str().unwrap(), "make setup"]]);
        let mut classify = bunri(["classify"]);
        classify.arg(picture()).env("BUNRI_ONNXRUNTIME", &library);
        Ran::of(&mut classify).refuses(&[says, library.to_str().unwrap(), "make setup"]);
    }
}

/// The demo's calibration, for another folder than its picture's.
fn rig() -> String {
    let picture = path_value(root().join("calibration/demo/empty.png")).to_string();
    let text = fs::read_to_string(root().join("calibration/demo/rig.toml")).unwrap();
    text.replace("\"empty.png\"", &picture)
}

#[test]
fn every_problem_of_a_configuration_has_its_line_with_its_path() {
    let mut bin = Bin::new();
    bin.set("bin.distrct", "yangcheon");
    bin.set("judge.settle_ms", 1);
    bin.set("judge.cost.contaminatd", 3.0);
    bin.set("camera.replay.clips", vec![path_value("nowhere")]);
    bin.set("model.threads", 99);
    bin.set("web.listen", "0.0.0.0:80");
    bin.set("web.open_on_loopback", true);
    bin.set("uplink.host", "hub");
    bin.set("uplink.password_file", "no-such-file");
    let calibration = rig();
    let calibration = calibration.replace("speed_deg_per_s = 400", "speed_deg_per_s = 0\nsped = 1");
    fs::write(bin.path("rig.toml"), calibration).unwrap();
    bin.set("rig.calibration", "rig.toml");
    let expected: [&[&str]; 9] = [
        &["bunri.toml: bin.distrct: "],
        &["bunri.toml: judge.settle_ms: ", "50 to 5000"],
        &["bunri.toml: judge.cost.contaminatd: "],
        &["bunri.toml: camera.replay.clips: ", "nowhere", "clip.toml"],
        &["bunri.toml: model.threads: ", "1 to 16"],
        &["bunri.toml: web.open_on_loopback: ", "not a loopback address", "logs in"],
        &["bunri.toml: uplink.password_file: ", "no-such-file"],
        &["rig.toml: flap.sped: "],
        &["rig.toml: flap.speed_deg_per_s: ", "1 to 5000"],
    ];
    check_finds(&bin, &expected);
    let ran = Ran::of(&mut bin.command("run"));
    let lines = ran.complaints();
    assert_eq!(lines.len(), expected.len(), "`run` says the same:\n{ran}");
    assert!(lines.iter().all(|line| line.starts_with("bunri: ")), "{ran}");

    fs::write(bin.path("broken.toml"), "[bin]\nid = \n").unwrap();
    let ran = Ran::of(bunri(["check", "--config"]).arg(bin.path("broken.toml")));
    ran.refuses(&["broken.toml: is not TOML: line 2"]);
    Ran::of(&mut bunri(["run", "--config", "/nowhere.toml"])).refuses(&["/nowhere.toml: cannot be read"]);
}

#[test]
fn a_calibration_of_another_version_or_rig_is_refused() {
    let mut bin = Bin::new();
    let calibration = rig();
    bin.set("rig.calibration", "rig.toml");
    fs::write(bin.path("rig.toml"), calibration.replace("version = 1", "version = 2")).unwrap();
    check_finds(&bin, &[&["rig.toml: version: 2 is another version", "calibrate the rig again"]]);
    fs::write(bin.path("rig.toml"), calibration.replace("rig = \"demo\"", "rig = \"mok-7\"")).unwrap();
    check_finds(&bin, &[&["rig.toml: rig: it was measured on 'mok-7'", "[rig] name"]]);
    // Measured in a picture of another size than the clips have.
    let other = calibration.replace("width = 640", "width = 800");
    fs::write(bin.path("rig.toml"), other).unwrap();
    check_finds(&bin, &[&["640x480", "calibrated for 800x480"]]);
    let ran = Ran::of(bin.command("replay").arg(clip_folder("can")));
    ran.refuses(&["640x480", "calibrated for 800x480", "calibrate again"]);
}

#[test]
fn clips_that_cannot_be_played_are_named() {
    let bin = Bin::new();
    let replay = |clip: &Path| Ran::of(bunri(["replay"]).arg(clip));
    replay(&bin.path("nowhere")).refuses(&["nowhere", "a clip is a folder with a clip.toml"]);
    fs::create_dir(bin.path("empty")).unwrap();
    replay(&bin.path("empty")).refuses(&["empty: there is no clip in it"]);

    let clip = bin.path("clip");
    let cases: [(&str, &str, &str); 4] = [
        ("fps = 30", "fps = 0", "fps is 0"),
        ("stream = \"can\"", "stream = \"tin\"", "unknown stream `tin`"),
        ("last_frame = 131", "last_frame = 999", "past the end"),
        ("frames = 161", "frames = ", "line 3"),
    ];
    for (from, to, says) in cases {
        copy_folder(&clip_folder("can"), &clip);
        let text = fs::read_to_string(clip.join("clip.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(clip.join("clip.toml"), text.replace(from, to)).unwrap();
        replay(&clip).refuses(&[clip.join("clip.toml").to_str().unwrap(), says]);
    }
    copy_folder(&clip_folder("can"), &clip);
    for picture in fs::read_dir(&clip).unwrap().map(|entry| entry.unwrap().path()) {
        if picture.extension().is_some_and(|extension| extension == "jpg") {
            fs::write(picture, b"not a picture").unwrap();
        }
    }
    replay(&clip).refuses(&["clip: none of its pictures is a whole JPEG"]);
    // Nothing to replay is a wrong command line: clap says how it is used.
    let nothing = Ran::of(&mut bunri(["replay"]));
    assert!(nothing.code == Some(2) && nothing.stderr.contains("<CLIPS>"), "{nothing}");
}

#[test]
fn corrupt_frames_are_named_and_the_clip_runs_on_and_counts() {
    let bin = Bin::new();
    let clip = bin.path("clip");
    copy_folder(&clip_folder("can"), &clip);
    let whole = fs::read(clip.join("0039.jpg")).unwrap();
    fs::write(clip.join("0039.jpg"), &whole[..whole.len() / 3]).unwrap();
    fs::write(clip.join("0060.jpg"), b"").unwrap();
    let ran = Ran::of(bin.command("replay").args(["--json"]).arg(&clip)).fine();
    let lines = ran.json();
    assert_eq!((lines.len(), lines[0]["state"].as_str()), (1, Some("confirmed")), "{ran}");
    let complaints: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(complaints.len(), 1, "{ran}");
    assert!(complaints[0].contains("clip: 2 pictures refused: the JPEG is "), "{ran}");
}

#[test]
fn a_camera_that_is_not_there_is_named_and_waited_for() {
    let mut bin = Bin::new();
    bin.set("camera.source", "v4l2");
    bin.set("camera.device", "/dev/video77");
    check_finds(&bin, &[&["no camera `/dev/video77`"]]);
    let mut running = Running::start(&mut bin.command("run"));
    running.wait_for("no camera; trying again until it is back");
    running.wait_for("alarm raised alarm=Camera");
    let log = running.stop();
    let attempts = log.iter().filter(|line| line.contains("no camera;")).count();
    assert_eq!(attempts, 1, "said once, not at each attempt: {log:#?}");

    bin.set("camera.device", "webcam");
    check_finds(&bin, &[&["`webcam`"]]);
    bin.set("camera.device", "/dev/null");
    check_finds(&bin, &[&["`/dev/null` cannot be a camera"]]);
}

/// Runs `work` on a thread whose children may not overlook file modes, as root otherwise may.
fn as_an_ordinary_user(work: impl FnOnce() + Send) {
    use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                for capability in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
                    remove_capability_from_bounding_set(capability).unwrap();
                }
            }
            work();
        });
        thread.join().unwrap();
    });
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named() {
    let bin = Bin::new();
    let state = bin.state();
    let named = state.to_str().unwrap();
    fs::create_dir(&state).unwrap();
    let mode = |mode| fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    as_an_ordinary_user(|| {
        check_finds(&bin, &[&["cannot write in", named, "[bin] state_dir"]]);
        Ran::of(&mut bin.command("run")).refuses(&[named, "no access", "read and write access"]);
    });
    mode(0o755);
    fs::remove_dir(&state).unwrap();

    fs::write(&state, "a file in its place").unwrap();
    check_finds(&bin, &[&["cannot write in", named, "[bin] state_dir"]]);
    Ran::of(&mut bin.command("run")).refuses(&["state folder", named, "[bin] state_dir"]);
    assert_eq!(fs::read_to_string(&state).unwrap(), "a file in its place");
}

#[test]
fn a_full_disk_is_named() {
    let bin = Bin::new();
    let state = bin.state();
    fs::create_dir(&state).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"]).arg(&state).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        println!("may not mount a small disk here; tests/ledger fills one where it may");
        return;
    }
    let ran = Ran::of(&mut bin.command("run"));
    let unmounted = Command::new("umount").arg("-l").arg(&state).status().unwrap();
    assert!(unmounted.success());
    ran.refuses(&["no space left", state.to_str().unwrap(), "free some"]);
}

#[test]
fn a_ledger_in_use_or_no_ledger_at_all_is_left_alone() {
    let bin = Bin::new();
    let ledger = bin.state().join("tally.db");
    fs::create_dir(bin.state()).unwrap();
    let held = tally_support::open(&ledger).unwrap();
    let owner = format!("process {}", std::process::id());
    Ran::of(&mut bin.command("run")).refuses(&[
        ledger.to_str().unwrap(),
        "is in use by",
        &owner,
        "stop that",
    ]);
    drop(held);

    let verify = |path: &Path| Ran::of(bunri(["tally", "verify", "--ledger"]).arg(path));
    assert!(verify(&ledger).fine().stdout.ends_with("sound\n"));
    verify(&bin.path("no.db")).refuses(&["no.db does not exist", "check the path"]);
    let letter = bin.path("letter.db");
    fs::write(&letter, "a letter to the district office\n".repeat(500)).unwrap();
    verify(&letter).refuses(&["letter.db is damaged", "move the file away"]);
    let export = Ran::of(bunri(["tally", "export", "--ledger"]).arg(&letter));
    export.refuses(&["letter.db is damaged"]);

    let corrupt = bin.path("corrupt.db");
    let mut bytes = fs::read(&ledger).unwrap();
    bytes[4096..].fill(0xA5);
    fs::write(&corrupt, &bytes).unwrap();
    let ran = verify(&corrupt);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("damaged") || ran.stdout.contains("NOT SOUND"), "{ran}");
    fs::remove_file(&ledger).unwrap();
    fs::write(&ledger, &bytes).unwrap();
    Ran::of(&mut bin.command("run")).refuses(&["tally.db is damaged", "move the file away"]);
    assert_eq!(fs::read(&ledger).unwrap(), bytes, "evidence is left as it was");
}

/// Runs `bunri passwd` with a password on standard input.
fn passwd(bin: &Bin, arguments: &[&str], password: &str) -> Ran {
    use std::io::Write as _;
    let mut command = bin.command("passwd");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that needs no password may have ended.
    let _not_read = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).is_err();
    child.wait_with_output().unwrap().into()
}

#[test]
fn logins_are_made_listed_and_taken_away() {
    let mut bin = Bin::new();
    passwd(&bin, &["kim"], "long enough").refuses(&["no [web]"]);
    bin.set("web.listen", "127.0.0.1:0");
    assert_eq!(passwd(&bin, &["kim"], "long enough").fine().stdout, "kim can log in and act\n");
    passwd(&bin, &["lee", "--role", "look"], "long enough too").fine();
    passwd(&bin, &["park"], "short").refuses(&["at least 10 letters"]);
    passwd(&bin, &["a b"], "long enough").refuses(&["'a b'"]);
    let list = passwd(&bin, &[], "").fine().stdout;
    let names: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(names, [["kim", "act"], ["lee", "look"]]);
    let file = bin.state().join("web/users.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("$argon2id$") && !text.contains("long enough"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    passwd(&bin, &["kim", "--remove"], "").fine();
    passwd(&bin, &["kim", "--remove"], "").refuses(&["no login 'kim'"]);
}

#[test]
fn a_port_in_use_is_named() {
    let mut bin = Bin::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    bin.set("web.listen", address.clone());
    Ran::of(&mut bin.command("run")).refuses(&[&address, "web.listen"]);
}

#[test]
fn pictures_that_cannot_be_read_are_named_and_the_others_classified() {
    let bin = Bin::new();
    let classify = |paths: &[&Path]| Ran::of(bunri(["classify", "--json"]).args(paths));
    let text = bin.path("letter.jpg");
    fs::write(&text, "a letter").unwrap();
    fs::create_dir(bin.path("empty")).unwrap();
    classify(&[&bin.path("no.jpg")]).refuses(&["cannot read", "no.jpg", "JPEG or PNG", "No such file"]);
    classify(&[&text]).refuses(&["cannot read", "letter.jpg", "JPEG or PNG"]);
    classify(&[&bin.path("empty")]).refuses(&["there is no picture in", "empty", ".jpg"]);

    let ran = classify(&[&text, &picture()]);
    assert_eq!(ran.complaints().len(), 2, "{ran}");
    assert!(ran.stderr.contains("1 of 2 pictures could not be read"), "{ran}");
    let lines = ran.json();
    assert_eq!(lines.len(), 1, "{ran}");
    let mut keys: Vec<_> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "accepted",
        "energy",
        "infer_ms",
        "label",
        "label_stream",
        "path",
        "probability",
        "reason",
        "stream",
    ];
    assert_eq!(keys, expected, "{ran}");
    assert_eq!(lines[0]["path"].as_str().unwrap(), picture().to_str().unwrap());
}
