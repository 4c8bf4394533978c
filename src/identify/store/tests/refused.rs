//! Every archive that is refused, and what is said of it.

use super::*;

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
