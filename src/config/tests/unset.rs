//! A bin whose rig and camera nobody has chosen yet.

use super::*;

/// Nothing chosen is said, and is neither a camera nor a flap in memory.
#[test]
fn a_bin_without_a_rig_touches_nothing() {
    let none = [
        ("source = \"v4l2\"\n    device = \"/dev/video0\"", "source = \"none\""),
        ("drive = \"simulated\"", "drive = \"none\""),
    ];
    let config = load(&none, &[("general = 60", &motor(&[]))]).unwrap();
    assert!(matches!(config.camera, Camera::None));
    assert_eq!(config.drive, mechanism::DriveSettings::None);
    assert!(config.drive.lines().outputs.is_empty() && config.guards.guards.is_empty());
    assert_eq!(config.front.outputs().count(), 0);
}
