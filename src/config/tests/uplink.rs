//! `[uplink]`: its files, its secrets, its versions.

use super::{check, load};
use crate::uplink::Protocol;

#[test]
fn the_password_comes_from_its_file_and_is_never_shown() {
    let file =
        ("host = \"hub.local\"", "host = \"hub.local\"\nusername = \"bin\"\npassword_file = \"password\"");
    let config = load(&[file], &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(config.uplink.unwrap().password_file.unwrap().ends_with("password"));
    let change = |text: &'static str| (file.0, text);
    check(
        &[change("host = \"hub.local\"\npassword_file = \"passwrod\"")],
        &[],
        &[("bunri.toml uplink.password_file", "passwrod")],
    );
    check(
        &[change("host = \"hub.local\"\npassword_file = \"password\"")],
        &[],
        &[("bunri.toml uplink.password_file", "name:password")],
    );
    check(
        &[change("host = \"hub.local\"\npassword_file = \"credential:hub\"\nin_flight = 1")],
        &[],
        &[("bunri.toml uplink.password_file", "LoadCredential")],
    );
    check(&[change("host = \"hub.local\"\nin_flight = 1")], &[], &[("bunri.toml uplink", "in_flight")]);
}

#[test]
fn an_encrypted_uplink_names_files_that_are_there_and_fit() {
    let plain = load(&[], &[]).unwrap().uplink.unwrap();
    assert_eq!((plain.port, plain.tls, plain.protocol), (1883, None, Protocol::V5));
    let host = "host = \"hub.local\"";
    check(
        &[(host, "host = \"hub.local\"\ntls.ca_file = \"password\"")],
        &[],
        &[("bunri.toml uplink.tls.ca_file", "it holds no certificate")],
    );
    check(
        &[(host, "host = \"hub.local\"\ntls.ca_file = \"ca.pem\"\ntls.key_file = \"key.pem\"")],
        &[],
        &[("bunri.toml uplink.tls", "belong together")],
    );
    check(
        &[(host, "host = \"hub.local\"\ncommands = [\"report\", \"flap_turn\"]")],
        &[],
        &[("bunri.toml uplink.commands", "flap_turn")],
    );
    check(
        &[(host, "host = \"hub.local\"\ncommands = [\"support\"]")],
        &[],
        &[("bunri.toml uplink.commands", "needs uplink.hub_url")],
    );
    check(
        &[(host, "host = \"hub.local\"\nhub_url = \"https://hub.local/files/\"")],
        &[],
        &[("bunri.toml uplink.hub_url", "https needs [uplink.tls]")],
    );
    check(
        &[(host, "host = \"hub.local\"\nhub_url = \"http://hub.local/files/\"")],
        &[],
        &[("bunri.toml uplink.hub_url", "must begin with https://")],
    );
    check(
        &[(host, "host = \"hub.local\"\nhome_assistant.prefix = \"home/#\"")],
        &[],
        &[("bunri.toml uplink.home_assistant.prefix", "home/#")],
    );
    let old = load(&[(host, "host = \"hub.local\"\nmqtt = \"3.1.1\"")], &[]).unwrap().uplink.unwrap();
    assert_eq!(old.protocol, Protocol::V311);
}
