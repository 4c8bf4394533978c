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

type Case = (&'static str, fn(&Maker) -> Sent, &'static str);

const SIGNATURES: [Case; 15] = [
    (
        "no signature",
        |maker| Sent { signature: None, ..maker.version("1") },
        "a bundle comes as an archive and its",
    ),
    (
        "an empty signature",
        |maker| maker.version("1").change(|_, signature| signature.clear()),
        "not a minisign",
    ),
    (
        "a signature that is no text",
        |maker| maker.version("1").change(|_, bytes| bytes[3] = 0xff),
        "it is not text",
    ),
    (
        "any text for a signature",
        |maker| maker.version("1").change(|_, signature| *signature = b"signed: me\n".repeat(4)),
        "Invalid encoding",
    ),
    (
        "half a signature",
        |maker| maker.version("1").change(|_, signature| signature.truncate(signature.len() / 2)),
        "not a minisign signature",
    ),
    (
        "a signature as large as a book",
        |maker| maker.version("1").change(|_, signature| signature.resize(5_000, b'A')),
        "larger than 4096 bytes",
    ),
    (
        "another signer's comment",
        |maker| {
            maker.version("1").change(|_, signature| {
                let text = String::from_utf8(signature.clone()).unwrap();
                *signature = text.replace("made for a test", "made for a rest").into_bytes();
            })
        },
        "damaged, incomplete or altered",
    ),
    (
        "minisign's old kind",
        |maker| {
            maker.version("1").change(|_, signature| {
                // The algorithm "ED" in base64, and "Ed".
                let text = String::from_utf8(signature.clone()).unwrap();
                *signature = text.replacen("\nRU", "\nRW", 1).into_bytes();
            })
        },
        "minisign's old kind",
    ),
    ("a stranger's signature", |_| Maker::new().version("1"), "not among [model] keys"),
    (
        "the signature of another archive",
        |maker| Sent { signature: maker.version("2").signature, ..maker.version("1") },
        "damaged, incomplete or altered",
    ),
    ("one flipped bit", |maker| maker.version("1").change(|archive, _| archive[700] ^= 1), "altered"),
    (
        "half an archive",
        |maker| maker.version("1").change(|archive, _| archive.truncate(archive.len() / 2)),
        "altered",
    ),
    (
        "a missing last byte",
        |maker| maker.version("1").change(|archive, _| archive.truncate(archive.len() - 1)),
        "altered",
    ),
    ("nothing", |maker| maker.version("1").change(|archive, _| archive.clear()), "altered"),
    (
        "too large an archive",
        |maker| maker.version("1").change(|archive, _| archive.resize(ARCHIVE_LIMIT as usize + 1, 0)),
        "larger than 67108864 bytes",
    ),
];

const ARCHIVES: [Case; 22] = [
    ("no archive at all", |maker| maker.sign(b"PK\x03\x04".repeat(256)), "its end is missing"),
    (
        "an archive without its end",
        |maker| {
            let mut archive = packed(GOOD, NETWORK);
            archive.truncate(archive.len() - 1024);
            maker.sign(archive)
        },
        "its end is missing",
    ),
    (
        "a file that is cut",
        |maker| {
            let mut archive = builder().into_inner().unwrap();
            archive.truncate(archive.len() - 1024);
            archive.extend_from_slice(header(b"card.md", tar::EntryType::Regular, 1_000_000).as_bytes());
            archive.extend_from_slice(&[0; 2048]);
            maker.sign(archive)
        },
        "card.md",
    ),
    (
        "a damaged header",
        |maker| {
            let mut archive = packed(GOOD, NETWORK);
            archive[150] ^= 1;
            maker.sign(archive)
        },
        "checksum",
    ),
    ("an absolute name", |maker| maker.named(b"/etc/cron.d/x"), "'/etc/cron.d/x' is not a name"),
    ("a name above", |maker| maker.named(b"../tally.db"), "'../tally.db' is not a name"),
    ("a name above in disguise", |maker| maker.named(b"reference/../../x"), "is not a name"),
    ("a name in the reference folder's folder", |maker| maker.named(b"reference/a/b.png"), "is not a name"),
    ("a name in another folder", |maker| maker.named(b"bin/sh"), "is not a name"),
    ("a hidden name", |maker| maker.named(b".profile"), "is not a name"),
    ("a name with a space", |maker| maker.named(b"rm -rf"), "is not a name"),
    ("a name that is no text", |maker| maker.named(b"\xff\xfe"), "not text"),
    (
        "a very long name",
        |maker| {
            let mut archive = builder();
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            archive.append_data(&mut header, "a".repeat(300), &b"x"[..]).unwrap();
            maker.sign(archive.into_inner().unwrap())
        },
        "is not a name",
    ),
    ("the store's own file", |maker| maker.named(b"installed.toml"), "what the store itself writes"),
    ("a file twice", |maker| maker.named(b"./model.onnx"), "'model.onnx' stands in it twice"),
    ("a symbolic link", |maker| maker.with(&link(tar::EntryType::Symlink), b""), "a symbolic link"),
    ("a hard link", |maker| maker.with(&link(tar::EntryType::Link), b""), "a hard link"),
    ("a device", |maker| maker.with(&header(b"null", tar::EntryType::Char, 0), b""), "a device"),
    ("a pipe", |maker| maker.with(&header(b"pipe", tar::EntryType::Fifo, 0), b""), "a pipe"),
    (
        "a folder",
        |maker| maker.with(&header(b"lib/", tar::EntryType::Directory, 0), b""),
        "has a folder 'lib/'",
    ),
    (
        "too many files",
        |maker| {
            let mut archive = builder();
            for number in 0..200 {
                let name = format!("reference/{number}.png");
                archive.append(&header(name.as_bytes(), tar::EntryType::Regular, 0), &b""[..]).unwrap();
            }
            maker.sign(archive.into_inner().unwrap())
        },
        "more than 128 files",
    ),
    (
        "too large a manifest",
        |maker| maker.sign(packed(&format!("{GOOD}#{}", "x".repeat(300_000)), NETWORK)),
        "262144 is the limit",
    ),
];

const BUNDLES: [Case; 16] = [
    (
        "no manifest",
        |maker| maker.sign(pack(&[("model.onnx".to_owned(), NETWORK.to_vec())].into()).unwrap()),
        "cannot read manifest.toml",
    ),
    (
        "no network",
        |maker| maker.sign(pack(&[("manifest.toml".to_owned(), GOOD.into())].into()).unwrap()),
        "cannot read model.onnx",
    ),
    ("another network", |maker| maker.sign(packed(GOOD, b"abd")), "model.onnx has sha256"),
    ("half a manifest", |maker| maker.sign(packed(&GOOD[..GOOD.len() / 2], NETWORK)), "manifest.toml"),
    (
        "another format",
        |maker| maker.changed("format = 1", "format = 2"),
        "format is 2, this program reads 1",
    ),
    ("a key of another program", |maker| maker.changed("[training]", "[boost]\nx = 1\n[training]"), "boost"),
    ("another kind of input", |maker| maker.changed("\"uint8\"", "\"float32\""), "float32"),
    (
        "statistics that are not there",
        |maker| {
            maker.changed(
                "output = \"logits\"",
                "output = \"logits\"\nembedding = \"e\"\n[statistics]\nfile = \"s\"\nsha256 = \"0\"",
            )
        },
        "cannot read s",
    ),
    ("a name with a slash", |maker| maker.changed("\"street\"", "\"../street\""), "name '../street' must be"),
    ("a name with an at", |maker| maker.changed("\"street\"", "\"a@b\""), "name 'a@b' must be"),
    ("no version", |maker| maker.version(""), "version '' must be"),
    ("a stream nobody knows", |maker| maker.changed("\"glass\"", "\"tin\""), "tin"),
    (
        "a bin's stream is missing",
        |maker| maker.changed("id = \"bottle\"\nstream = \"glass\"", "id = \"cup\"\nstream = \"paper\""),
        "no label for the stream glass",
    ),
    (
        "a label with another meaning",
        |maker| {
            let tin = ("id = \"bottle\"\nstream = \"glass\"", "id = \"tin\"\nstream = \"can\"");
            maker
                .with_manifest(&[tin, ("id = \"can\"\nstream = \"can\"", "id = \"can\"\nstream = \"glass\"")])
        },
        "its label 'can' means the stream glass, in the live bundle it means can",
    ),
    (
        "a label with another stream's name",
        |maker| {
            maker.changed(
                "[training]",
                "[[label]]\nid = \"paper\"\nstream = \"can\"\nthreshold = 0.5\n[training]",
            )
        },
        "its label 'paper' means the stream can, although a stream has that name",
    ),
    (
        "a label that was none of ours",
        |maker| maker.changed("threshold = 0.0\nunknown = true", "threshold = 0.5"),
        "its label 'unknown' means the stream general, in the live bundle it means none",
    ),
];

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
fn what_is_damaged_unsigned_oversized_or_for_another_bin_is_refused_with_its_reason() {
    let desk = Desk::new(3);
    desk.install(&desk.maker.version("0")).unwrap();
    let before = desk.ids();
    for (what, make, says) in SIGNATURES.iter().chain(&ARCHIVES).chain(&BUNDLES) {
        let sent = make(&desk.maker);
        let refused = desk.install(&sent).unwrap_err().to_string();
        assert!(refused.contains(says), "{what}: {refused}");
        assert!(refused.contains("b.tar") && !refused.contains('\n'), "{what}: {refused}");
        let [archive, signature] = sent.put(desk.folder.path());
        let checked = desk.store.check(&archive, &signature, &bin(), &mut passes).unwrap_err().to_string();
        assert_eq!(checked, refused, "{what}");
        assert_eq!((desk.ids(), desk.live().as_deref()), (before.clone(), Some("street@0")), "{what}");
        let left = std::fs::read_dir(desk.store.folder_of("")).unwrap().count();
        assert_eq!(left, 4, "{what} left something behind");
    }
    let nobody = BundleStore::of(desk.folder.path(), &[], 3);
    let [archive, signature] = desk.maker.version("1").put(desk.folder.path());
    let refused = nobody.install(&archive, &signature, &bin(), &mut passes, Start::AtOnce);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("[model] keys"), "{refused}");
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
