//! The hand-off between two threads.

use std::time::Duration;

use bunri::capture::newest;

#[test]
fn a_fast_writer_never_gives_a_torn_or_an_older_frame() {
    const FRAMES: u64 = 20_000;
    let (mut writer, mut reader) = newest::channel(64, 64);
    let reading = std::thread::spawn(move || {
        let (mut last, mut read) = (0, 0_u64);
        loop {
            let closed = reader.is_closed();
            let Some(frame) = reader.latest(Duration::from_secs(20)) else {
                assert!(closed || reader.is_closed(), "no frame within the limit");
                break;
            };
            assert!(frame.sequence > last, "{} after {last}", frame.sequence);
            let value = frame.sequence as u8;
            assert!(frame.pixels.iter().all(|pixel| *pixel == value), "frame {} is torn", frame.sequence);
            last = frame.sequence;
            read += 1;
        }
        (last, read, reader.overwritten())
    });
    for sequence in 1..=FRAMES {
        let frame = writer.frame();
        frame.sequence = sequence;
        frame.pixels.fill(sequence as u8);
        writer.publish();
    }
    drop(writer);
    let (last, read, overwritten) = reading.join().unwrap();
    assert_eq!(last, FRAMES, "the newest one is never lost");
    assert_eq!(read + overwritten, FRAMES);
}
