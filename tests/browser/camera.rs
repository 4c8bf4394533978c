//! The camera's page: a region is drawn with a finger and with numbers, saved, and taken back.

use serde_json::{Value, json};

use super::bin::Bin;
use super::browser::Browser;
use super::{LAPTOP, PHONE, VIEWS};

const NOTE: &str = "document.getElementById('note')";

/// Drags on the picture, between places given as shares of it, with a finger or a mouse.
fn drag(browser: &Browser, kind: &str, from: (f64, f64), to: (f64, f64)) {
    browser.run(&format!(
        "const box = document.querySelector('#draw .picture');
         box.scrollIntoView();
         const place = box.getBoundingClientRect();
         const send = (type, [x, y]) => box.dispatchEvent(new PointerEvent(type, {{
           bubbles: true, cancelable: true, isPrimary: true, pointerId: 1, pointerType: {}, button: 0,
           clientX: place.left + x * place.width, clientY: place.top + y * place.height,
         }}));
         box.setPointerCapture = () => {{}}; // there is no real finger to follow
         const [from, to] = {};
         send('pointerdown', from);
         send('pointermove', [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]);
         send('pointermove', to);
         send('pointerup', to);",
        json!(kind),
        json!([from, to])
    ));
}

fn numbers(browser: &Browser) -> Vec<f64> {
    let values = browser
        .value("['x', 'y', 'width', 'height'].map((name) => Number(document.getElementById(name).value))");
    values.as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

/// Within a pixel or two: a window's width is no multiple of the camera's.
fn assert_region(browser: &Browser, wanted: [f64; 4]) {
    let found = numbers(browser);
    assert!(found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() <= 2.0), "{found:?}");
}

fn submit(browser: &Browser, action: &str) {
    browser.follow(&format!("form[action=\"{action}\"] button[type=submit]"));
    browser.wait("the answer", NOTE);
}

#[test]
fn a_region_is_drawn_saved_and_taken_back() {
    for view in VIEWS {
        let bin = Bin::start();
        let browser = Browser::new(bin.address);
        let pointer = if view.window == PHONE { "touch" } else { "mouse" };
        view.open(&browser, "/camera");
        browser.wait("a picture", "document.getElementById('picture').naturalWidth > 0");
        browser.wait("the drawing", "document.querySelector('.picture .drawn circle')");
        assert_region(&browser, [40.0, 20.0, 240.0, 200.0]);
        // The corner at the bottom right is carried inwards, then the whole region to the left edge.
        drag(&browser, pointer, (280.0 / 320.0, 220.0 / 240.0), (0.5, 0.5));
        assert_region(&browser, [40.0, 20.0, 120.0, 100.0]);
        drag(&browser, pointer, (100.0 / 320.0, 70.0 / 240.0), (0.0, 70.0 / 240.0));
        assert_region(&browser, [0.0, 20.0, 120.0, 100.0]);
        browser.run("document.querySelector('#region button[type=reset]').click();");
        browser.wait("the numbers as they were", "document.getElementById('x').value === '40'");
        browser.wait("the drawing too", "document.querySelector('.drawn rect').getAttribute('x') === '40'");
        drag(&browser, pointer, (280.0 / 320.0, 220.0 / 240.0), (0.5, 0.5));
        browser.wait_for_text(view.says("선명도", "Sharpness"));
        browser.assert_fits_width("/camera");
        browser.assert_accessible(&format!("/camera in {view:?}"));
        if view.window == PHONE && view.language == "ko" {
            browser.run("scrollTo(0, 0);");
            browser.picture("camera");
        }
        submit(&browser, "/camera/save");
        browser.wait_for_text(view.says("저장했고 지금부터 쓰입니다", "Saved, and in force"));
        browser.wait(
            "the region in the picture",
            "document.querySelector('#overlay rect.region').getAttribute('width') < 130",
        );
        submit(&browser, "/camera/return");
        browser.wait_for_text(view.says("0판과 같음", "as version 0"));
        assert_region(&browser, [40.0, 20.0, 240.0, 200.0]);
    }
}

#[test]
fn a_mouse_draws_anew_from_outside_and_a_keyboard_types_the_numbers() {
    let bin = Bin::start();
    let browser = Browser::new(bin.address);
    browser.resize(LAPTOP);
    browser.open("/camera?lang=en");
    browser.wait("the drawing", "document.querySelector('.picture .drawn circle')");
    drag(&browser, "mouse", (0.01, 0.99), (0.25, 0.5));
    assert_region(&browser, [3.0, 120.0, 77.0, 118.0]);
    browser.run(
        "const x = document.getElementById('x');
         x.focus();
         x.value = 64;
         x.dispatchEvent(new InputEvent('input', { bubbles: true }));",
    );
    browser.wait("the drawing to follow", "document.querySelector('.drawn rect').getAttribute('x') === '64'");
    browser.wait_for_text("Sharpness");
    browser.assert_fits_width("/camera");
    browser.assert_accessible("/camera in English");
    browser.run("document.getElementById('x').value = 300;");
    submit_and_wait_for(&browser, "is not inside the picture");
    browser.assert_accessible("/camera/save refused");
}

fn submit_and_wait_for(browser: &Browser, text: &str) {
    browser.run("document.querySelector('form[action=\"/camera/save\"]').requestSubmit();");
    browser.wait_for_text(text);
}
