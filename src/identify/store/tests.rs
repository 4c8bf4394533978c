mod refused;

use std::path::{Path, PathBuf};

use super::*;

/// A manifest for a network of three bytes.
const GOOD: &str = r#"
format = 1
name = "street"
version = "1"
created = "2026-11-22"
[model]
file = "model.onnx"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
input = "pixels"
layout = "nhwc"
dtype = "uint8"
width = 224
height = 224
output = "logits"
[calibration]
temperature = 1.2
energy_limit = -3.0
[[label]]
id = "can"
stream = "can"
threshold = 0.6
[[label]]
id = "bottle"
stream = "glass"
threshold = 0.6
[[label]]
id = "unknown"
stream = "general"
threshold = 0.0
unknown = true
[training]
pictures = 3
"#;
const NETWORK: &[u8] = b"abc";

/// Who makes bundles: a key, and what is packed and signed with it.
pub(super) struct Maker {
    pair: minisign::KeyPair,
}

/// An archive and its signature, as they arrive.
#[derive(Clone)]
pub(super) struct Sent {
    archive: Vec<u8>,
    signature: Option<Vec<u8>>,
}

impl Maker {
    pub(super) fn new() -> Self {
        Self { pair: minisign::KeyPair::generate_unencrypted_keypair().unwrap() }
    }

    pub(super) fn key(&self) -> TrustedKey {
        TrustedKey::parse(&self.pair.pk.to_base64()).unwrap()
    }

    fn sign(&self, archive: Vec<u8>) -> Sent {
        let comment = Some("made for a test");
        let signed = minisign::sign(None, &self.pair.sk, &archive[..], comment, None).unwrap();
        Sent { archive, signature: Some(signed.into_string().into_bytes()) }
    }

    /// The good bundle with changes to its manifest.
    fn with_manifest(&self, changes: &[(&str, &str)]) -> Sent {
        let changed = changes.iter().fold(GOOD.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        self.sign(packed(&changed, NETWORK))
    }

    fn changed(&self, from: &str, to: &str) -> Sent {
        self.with_manifest(&[(from, to)])
    }

    pub(super) fn version(&self, version: &str) -> Sent {
        self.changed("version = \"1\"", &format!("version = \"{version}\""))
    }

    /// The good bundle and one more entry.
    fn with(&self, header: &tar::Header, bytes: &[u8]) -> Sent {
        let mut archive = builder();
        archive.append(header, bytes).unwrap();
        self.sign(archive.into_inner().unwrap())
    }

    /// The good bundle and one more file of this name.
    fn named(&self, name: &[u8]) -> Sent {
        self.with(&header(name, tar::EntryType::Regular, 1), b"x")
    }
}

impl Sent {
    pub(super) fn put(&self, folder: &Path) -> [PathBuf; 2] {
        let [archive, signature] = ["b.tar", "b.tar.minisig"].map(|name| folder.join(name));
        std::fs::write(&archive, &self.archive).unwrap();
        match &self.signature {
            Some(bytes) => std::fs::write(&signature, bytes).unwrap(),
            None => drop(std::fs::remove_file(&signature)),
        }
        [archive, signature]
    }

    fn change(mut self, change: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> Self {
        change(&mut self.archive, self.signature.as_mut().unwrap());
        self
    }
}

fn packed(manifest: &str, network: &[u8]) -> Vec<u8> {
    let files = [("manifest.toml", manifest.as_bytes()), ("model.onnx", network)];
    pack(&files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into()).unwrap()
}

/// The good bundle, to append to.
fn builder() -> tar::Builder<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [("manifest.toml", GOOD.as_bytes()), ("model.onnx", NETWORK)] {
        archive.append(&header(name.as_bytes(), tar::EntryType::Regular, bytes.len() as u64), bytes).unwrap();
    }
    archive
}

/// A header with any name at all, which the tar crate would refuse to write.
fn header(name: &[u8], kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn link(kind: tar::EntryType) -> tar::Header {
    let mut header = header(b"card.md", kind, 0);
    header.set_link_name("/etc/passwd").unwrap();
    header.set_cksum();
    header
}

/// A bin that collects cans and glass, whose live bundle is the good one.
pub(super) fn bin() -> Address {
    Address::of([Stream::Can, Stream::Glass, Stream::Paper], &toml::from_str(GOOD).unwrap())
}

/// The network of these tests is none: it is tested elsewhere.
pub(super) fn passes(_: Bundle) -> Result<(), IdentifyError> {
    Ok(())
}

/// The live bundle has proved itself.
pub(super) fn settle(store: &BundleStore) {
    let switch = store.switch().unwrap();
    assert!(store.note(&switch, &Switch { stage: Stage::Settled, ..switch.clone() }).unwrap());
}

/// A store in a folder of its own, and who is trusted there.
struct Desk {
    folder: tempfile::TempDir,
    maker: Maker,
    store: BundleStore,
}

impl Desk {
    fn new(keep: usize) -> Self {
        let (folder, maker) = (tempfile::tempdir().unwrap(), Maker::new());
        let store = BundleStore::of(&folder.path().join("state"), &[Maker::new().key(), maker.key()], keep);
        Self { folder, maker, store }
    }

    fn install(&self, sent: &Sent) -> Result<String, StoreError> {
        let [archive, signature] = sent.put(self.folder.path());
        let id = self.store.install(&archive, &signature, &bin(), &mut passes, Start::AtOnce)?;
        settle(&self.store);
        Ok(id)
    }

    fn ids(&self) -> Vec<String> {
        self.store.list().unwrap().into_iter().map(|bundle| bundle.id).collect()
    }

    fn live(&self) -> Option<String> {
        self.store.switch().unwrap().live
    }
}

#[test]
fn a_key_is_read_as_it_stands_in_its_file() {
    for wrong in ["", "RW", "untrusted comment: minisign public key", "AAAA"] {
        assert!(TrustedKey::parse(wrong).unwrap_err().contains("minisign.pub"), "{wrong}");
    }
    let key = Maker::new().pair.pk.to_base64();
    assert_eq!(
        format!("{:?}", TrustedKey::parse(&format!(" {key}\n")).unwrap()),
        format!("TrustedKey(\"{key}\")")
    );
}

#[test]
fn what_gnu_tar_and_pax_write_is_read() {
    let desk = Desk::new(3);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header(b"./", tar::EntryType::Directory, 0), &b""[..]).unwrap();
    archive.append_pax_extensions([("mtime", &b"1763856000.25"[..])]).unwrap();
    for (name, bytes) in [("./manifest.toml", GOOD.as_bytes()), ("./model.onnx", NETWORK)] {
        archive.append(&header(name.as_bytes(), tar::EntryType::Regular, bytes.len() as u64), bytes).unwrap();
    }
    archive.append(&header(b"./reference/", tar::EntryType::Directory, 0), &b""[..]).unwrap();
    archive.append(&header(b"./reference/can.png", tar::EntryType::Regular, 1), &b"x"[..]).unwrap();
    desk.install(&desk.maker.sign(archive.into_inner().unwrap())).unwrap();
    let folder = desk.store.folder_of("street@1");
    assert_eq!(std::fs::read(folder.join("reference/can.png")).unwrap(), b"x");
}

#[test]
fn installing_switches_and_going_back_returns() {
    let desk = Desk::new(3);
    assert_eq!((desk.live(), desk.ids()), (None, vec![]));
    let nothing = desk.store.rollback().unwrap_err().to_string();
    assert!(nothing.contains("nothing to go back to"), "{nothing}");
    for version in ["1", "2"] {
        let id = desk.install(&desk.maker.version(version)).unwrap();
        assert_eq!((desk.live(), id.as_str()), (Some(id.clone()), format!("street@{version}").as_str()));
        assert_eq!(desk.store.verify(&id).unwrap().manifest.version, version);
    }
    assert_eq!(desk.store.rollback().unwrap().as_deref(), Some("street@1"));
    assert_eq!(desk.store.rollback().unwrap(), None);
    assert!(desk.store.rollback().is_err());
    // Forward again with the same archive: it is there already.
    let number = desk.store.list().unwrap().last().unwrap().number;
    desk.install(&desk.maker.version("2")).unwrap();
    assert_eq!(desk.live().as_deref(), Some("street@2"));
    assert_eq!(desk.store.list().unwrap().last().unwrap().number, number);
    assert_eq!(desk.store.rollback().unwrap(), None);
}

#[test]
fn a_version_names_one_content() {
    let desk = Desk::new(3);
    desk.install(&desk.maker.version("1")).unwrap();
    let other = desk.maker.changed("pictures = 3", "pictures = 4");
    let refused = desk.install(&other).unwrap_err().to_string();
    assert!(refused.contains("street@1 is already installed with other content"), "{refused}");
}

#[test]
fn a_damaged_bundle_is_found_passed_over_and_mended() {
    let desk = Desk::new(3);
    for version in ["1", "2", "3"] {
        desk.install(&desk.maker.version(version)).unwrap();
    }
    let model = desk.store.folder_of("street@2").join("model.onnx");
    std::fs::write(&model, "abd").unwrap();
    let damaged = desk.store.verify("street@2").unwrap_err().to_string();
    assert!(damaged.contains("street@2 is damaged: model.onnx is not the file"), "{damaged}");
    assert_eq!(desk.store.rollback().unwrap().as_deref(), Some("street@1"), "the damaged one is passed over");
    desk.install(&desk.maker.version("2")).unwrap();
    assert_eq!(std::fs::read(&model).unwrap(), NETWORK);
    desk.store.verify("street@2").unwrap();
    for strange in ["street@9", "../../etc", ".incoming", "", "street"] {
        let missing = desk.store.verify(strange).unwrap_err().to_string();
        assert!(missing.contains("there is no bundle"), "{strange}: {missing}");
    }
}

#[test]
fn old_ones_go_but_never_the_live_one_nor_the_one_before() {
    let desk = Desk::new(1);
    for version in ["1", "2", "3", "4", "5"] {
        desk.install(&desk.maker.version(version)).unwrap();
    }
    // While 5 came 4 was live and 3 the one before it; of the others one is kept.
    assert_eq!(desk.ids(), ["street@2", "street@3", "street@4", "street@5"]);
    let none = Desk::new(0);
    for version in ["1", "2", "3", "4"] {
        none.install(&none.maker.version(version)).unwrap();
    }
    assert_eq!(none.ids(), ["street@2", "street@3", "street@4"]);
    for back in [Some("street@3"), Some("street@2"), None] {
        assert_eq!(none.store.rollback().unwrap().as_deref(), back);
    }
}

#[test]
fn a_switch_file_that_is_none_is_named() {
    let desk = Desk::new(1);
    desk.install(&desk.maker.version("1")).unwrap();
    let path = desk.store.folder_of("switch.toml");
    for text in ["live = 3", "format = 2\nlive = \"factory\"\nbefore = []\n"] {
        std::fs::write(&path, text).unwrap();
        let error = desk.store.switch().unwrap_err().to_string();
        assert!(
            error.contains("switch.toml") && error.contains("starts with the factory's bundle"),
            "{error}"
        );
    }
}

#[test]
fn the_hash_is_sha256() {
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn a_new_bundle_begins_in_the_shadow_and_can_be_withdrawn() {
    let desk = Desk::new(0);
    for version in ["1", "2"] {
        desk.install(&desk.maker.version(version)).unwrap();
    }
    let shadow = |version: &str| {
        let [archive, signature] = desk.maker.version(version).put(desk.folder.path());
        desk.store.install(&archive, &signature, &bin(), &mut passes, Start::InShadow).unwrap();
        desk.store.switch().unwrap()
    };
    let switch = shadow("3");
    assert_eq!((switch.live.as_deref(), switch.shadow()), (Some("street@2"), Some("street@3")));
    let switch = shadow("4");
    assert_eq!((switch.live.as_deref(), switch.shadow()), (Some("street@2"), Some("street@4")));
    assert_eq!(desk.ids(), ["street@1", "street@2", "street@3", "street@4"]);
    assert_eq!(desk.store.rollback().unwrap().as_deref(), Some("street@2"));
    assert_eq!(desk.store.switch().unwrap().shadow(), None);
    assert_eq!(desk.store.rollback().unwrap().as_deref(), Some("street@1"));
}

#[test]
fn what_fails_on_this_board_stays_out_and_what_somebody_else_changed_stays() {
    let desk = Desk::new(1);
    let [archive, signature] = desk.maker.version("1").put(desk.folder.path());
    let mut fails = |bundle: Bundle| {
        Err(IdentifyError::SelfTest { bundle: bundle.title(), message: "can.png is 'glass' here".to_owned() })
    };
    let failed = desk.store.install(&archive, &signature, &bin(), &mut fails, Start::AtOnce).unwrap_err();
    assert!(
        failed.to_string().contains("the self-test of street 1 failed: can.png is 'glass' here"),
        "{failed}"
    );
    assert_eq!((desk.ids(), desk.live()), (vec![], None));

    let known = desk.store.switch().unwrap();
    desk.install(&desk.maker.version("2")).unwrap();
    assert!(!desk.store.note(&known, &Switch::default()).unwrap());
    assert_eq!(desk.live().as_deref(), Some("street@2"));
}
