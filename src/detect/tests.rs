use super::*;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
const STEP: Duration = Duration::from_millis(33);

fn settings() -> Settings {
    Settings {
        region: Region::whole(WIDTH, HEIGHT),
        throat: vec![Edge::Top],
        occupied_share: 0.01,
        motion_share: 0.004,
        adapt: Duration::from_secs(20),
    }
}

/// A chamber with seams and a vignette, items painted on it, under a gain, with seeded noise.
struct Scene {
    detector: Detector,
    now: Moment,
    rng: fastrand::Rng,
    gain: f32,
    /// How much darker one side is than the other, as a share: where the lamp stands.
    slant: f32,
    items: Vec<(Region, [u8; 3])>,
    sequence: u64,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self {
            detector: Detector::new(settings(), None),
            now: Moment::from_millis(1000),
            rng: fastrand::Rng::with_seed(7),
            gain: 1.0,
            slant: 0.0,
            items: Vec::new(),
            sequence: 0,
        };
        for _ in 0..40 {
            scene.look();
        }
        assert!(scene.look().is_empty(), "a still chamber must be learnt as empty");
        scene
    }

    fn frame(&mut self) -> Frame {
        let mut pixels = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let seam = if x % 80 < 3 || y % 60 < 3 { 0.7 } else { 1.0 };
                let (dx, dy) = (x as f32 / 160.0 - 1.0, y as f32 / 120.0 - 1.0);
                let chamber = 150.0 * seam * (1.0 - 0.15 * (dx * dx + dy * dy));
                let inside = |region: &Region| {
                    x >= region.x
                        && x < region.x + region.width
                        && y >= region.y
                        && y < region.y + region.height
                };
                let colour = self.items.iter().rev().find(|(region, _)| inside(region));
                let base = colour.map_or([chamber; 3], |(_, colour)| colour.map(f32::from));
                let gain = self.gain * (1.0 + self.slant * dx);
                let noise = (self.rng.f32() + self.rng.f32() - 1.0) * 8.0;
                pixels.extend(base.map(|value| (value * gain + noise).clamp(0.0, 255.0) as u8));
            }
        }
        self.sequence += 1;
        Frame { sequence: self.sequence, captured_at: self.now, width: WIDTH, height: HEIGHT, pixels }
    }

    fn look(&mut self) -> Presence {
        let frame = self.frame();
        self.now = self.now + STEP;
        self.detector.step(&frame, self.now)
    }

    fn look_times(&mut self, times: u32) -> Presence {
        let mut presence = self.look();
        for _ in 1..times {
            presence = self.look();
        }
        presence
    }
}

const BOTTLE: Region = Region { x: 120, y: 100, width: 80, height: 50 };

#[test]
fn an_item_is_seen_moving_then_still_and_its_place_is_right() {
    let mut scene = Scene::new();
    scene.items = vec![(BOTTLE, [60, 120, 200])];
    let first = scene.look();
    assert!(first.moving && first.occupied, "{first:?}");
    let settled = scene.look_times(8);
    assert!(settled.is_still() && settled.occupied && settled.object_count() == 1, "{settled:?}");
    let extent = settled.extent.unwrap();
    for (found, truth) in [(extent.x, BOTTLE.x), (extent.y, BOTTLE.y), (extent.width, BOTTLE.width)] {
        assert!(found.abs_diff(truth) <= 10, "{extent:?}");
    }
    scene.items.clear();
    assert!(scene.look().moving);
    assert!(scene.look_times(8).is_empty());
}

#[test]
fn an_item_that_lies_for_an_hour_is_not_learnt_as_empty() {
    let mut scene = Scene::new();
    scene.items = vec![(BOTTLE, [230, 230, 230])];
    let frame = scene.frame();
    for _ in 0..3_600 {
        scene.now = scene.now + Duration::from_secs(1);
        scene.detector.step(&frame, scene.now);
    }
    assert!(scene.look_times(8).occupied);
    scene.items.clear();
    assert!(scene.look_times(8).is_empty());
}

#[test]
fn light_that_drifts_slowly_to_half_never_looks_like_an_item() {
    let mut scene = Scene::new();
    for _ in 0..300 {
        scene.gain *= 0.9977;
        let presence = scene.look();
        assert!(!presence.occupied, "at gain {}: {presence:?}", scene.gain);
    }
    assert!(scene.gain < 0.51);
    scene.items = vec![(BOTTLE, [60, 120, 200])];
    assert!(scene.look_times(8).occupied);
}

#[test]
fn a_switched_light_is_told_from_an_item_with_and_without_one_in_view() {
    for gain in [0.5, 0.7, 1.5] {
        let mut scene = Scene::new();
        scene.gain = gain;
        let switched = scene.look();
        assert_eq!(switched.light, Light::Switched, "gain {gain}: {switched:?}");
        assert!(!switched.is_still(), "nothing may move in the very moment");
        assert!(scene.look_times(8).is_empty(), "gain {gain}");
        scene.items = vec![(BOTTLE, [40, 90, 160])];
        assert!(scene.look_times(8).occupied, "gain {gain}");
        scene.gain = 1.0;
        assert!(scene.look_times(8).occupied, "still there after switching back from {gain}");
        scene.items.clear();
        assert!(scene.look_times(8).is_empty(), "gone after switching back from {gain}");
    }
}

#[test]
fn a_lamp_that_dims_unevenly_leaves_no_item_behind() {
    for item in [None, Some((BOTTLE, [40, 90, 160]))] {
        let mut scene = Scene::new();
        scene.items.extend(item);
        let before = scene.look_times(8);
        assert_eq!(before.occupied, item.is_some());
        (scene.gain, scene.slant) = (0.6, 0.25);
        assert_eq!(scene.look().light, Light::Switched);
        let after = scene.look_times(8);
        assert_eq!((after.is_still(), after.occupied), (true, item.is_some()), "{after:?}");
        assert_eq!(after.object_count(), usize::from(item.is_some()), "{after:?}");
    }
}

#[test]
fn an_item_that_comes_with_the_switch_is_not_taken_for_the_chamber() {
    let mut scene = Scene::new();
    scene.gain = 0.7;
    scene.items = vec![(BOTTLE, [40, 90, 160])];
    assert_eq!(scene.look().light, Light::Switched);
    assert!(scene.look_times(8).occupied);
}

#[test]
fn something_large_and_bright_that_falls_in_is_no_light_switch() {
    let mut scene = Scene::new();
    let large = Region { x: 30, y: 20, width: 260, height: 170 };
    scene.items = vec![(large, [215, 215, 210])];
    let falling = scene.look();
    assert_eq!(falling.light, Light::Steady, "{falling:?}");
    scene.items = vec![(BOTTLE, [215, 215, 210])];
    let settled = scene.look_times(8);
    assert!(settled.is_still() && settled.foreground_share < 0.1, "{settled:?}");
    scene.items.clear();
    assert!(scene.look_times(8).is_empty());
}

#[test]
fn a_light_switch_that_was_none_is_taken_back() {
    let mut scene = Scene::new();
    // Over everything at once, and the seams show through: nobody can tell this from another lamp, until it goes.
    (scene.gain, scene.slant) = (0.6, 0.3);
    assert_eq!(scene.look().light, Light::Switched);
    (scene.gain, scene.slant) = (1.0, 0.0);
    assert!(scene.look_times(20).is_empty());
}

#[test]
fn a_sheet_over_everything_is_an_item_not_a_light_change() {
    let mut scene = Scene::new();
    scene.items = vec![(Region { x: 4, y: 8, width: WIDTH - 8, height: HEIGHT - 12 }, [110, 110, 110])];
    let presence = scene.look_times(10);
    assert!(presence.occupied && presence.light == Light::Steady, "{presence:?}");
    assert!(presence.foreground_share > 0.6, "{presence:?}");
}

#[test]
fn whatever_reaches_in_over_the_throat_is_a_hand_even_when_it_rests() {
    let mut scene = Scene::new();
    scene.items = vec![(Region { x: 140, y: 0, width: 40, height: 120 }, [200, 150, 120])];
    let resting = scene.look_times(20);
    assert!(resting.hand && !resting.moving && !resting.is_still(), "{resting:?}");
    scene.items = vec![(Region { x: 140, y: 120, width: 40, height: 120 }, [200, 150, 120])];
    let at_the_far_edge = scene.look_times(20);
    assert!(!at_the_far_edge.hand && at_the_far_edge.is_still(), "{at_the_far_edge:?}");
}

#[test]
fn two_items_apart_are_two_objects_and_specks_are_none() {
    let mut scene = Scene::new();
    scene.items = vec![
        (Region { x: 60, y: 100, width: 40, height: 50 }, [60, 120, 200]),
        (Region { x: 200, y: 100, width: 60, height: 50 }, [20, 120, 40]),
        (Region { x: 20, y: 200, width: 5, height: 5 }, [0, 0, 0]),
    ];
    let presence = scene.look_times(8);
    assert_eq!(presence.object_count(), 2, "{presence:?}");
    assert!(presence.objects[0].unwrap().x > 150, "largest first: {presence:?}");
}

#[test]
fn darkness_is_neither_empty_nor_occupied() {
    let mut scene = Scene::new();
    scene.gain = 0.0;
    let presence = scene.look_times(4);
    assert_eq!(presence.light, Light::Dark);
    assert!(!presence.is_still() && !presence.is_empty());
    scene.gain = 1.0;
    assert!(scene.look_times(8).is_empty());
}

#[test]
fn the_empty_chamber_survives_a_restart_as_bytes() {
    let mut scene = Scene::new();
    let bytes = scene.detector.background().unwrap().to_bytes();
    assert_eq!(bytes.len(), BACKGROUND_BYTES);
    scene.detector = Detector::new(settings(), Background::from_bytes(&bytes));
    scene.items = vec![(BOTTLE, [60, 120, 200])];
    assert!(scene.look_times(8).occupied, "an item that lay there through the restart is seen");
    scene.items.clear();
    assert!(scene.look_times(8).is_empty());
    assert!(Background::from_bytes(&bytes[1..]).is_none());
}

#[test]
fn a_square_around_an_item_stays_inside_its_bounds() {
    let bounds = Region { x: 20, y: 10, width: 300, height: 200 };
    let corner = Region { x: 20, y: 10, width: 40, height: 20 };
    assert_eq!(corner.square_around(1.5, 32, bounds), Region { x: 20, y: 10, width: 60, height: 60 });
    let wide = Region { x: 20, y: 100, width: 300, height: 20 };
    assert_eq!(wide.square_around(1.2, 32, bounds), Region { x: 20, y: 10, width: 300, height: 200 });
    let small = Region { x: 200, y: 100, width: 4, height: 4 };
    assert_eq!(small.square_around(1.2, 64, bounds), Region { x: 170, y: 70, width: 64, height: 64 });
}
