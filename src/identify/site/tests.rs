//! Site files that must be refused, each with its reason, and what a site head does to scores.

use std::path::Path;

use super::file::{SITE_FILE_LIMIT, Tensor, pack};
use super::*;
use crate::identify::bundle::Manifest;
use crate::identify::bundle::tests::GOOD;
use crate::identify::head::MAX_LABELS;
use crate::streams::Stream;

/// The manifest of the bundle's tests, with an embedding for a head to stand on.
fn manifest() -> String {
    GOOD.replacen("output = \"logits\"", "output = \"logits\"\nembedding = \"embedding\"", 1)
}

fn bundle(change: impl Fn(&str) -> String) -> Bundle {
    let manifest: Manifest = toml::from_str(&change(&manifest())).unwrap();
    Bundle { folder: "bundle".into(), manifest, model_path: "bundle/model.onnx".into(), statistics: None }
}

/// Two labels of the bundle, one of its own, embeddings of three numbers, two items.
fn example() -> SiteHead {
    let mut labels = bundle(str::to_owned).manifest.labels;
    labels.push(Label { id: "film".into(), stream: Stream::Film, threshold: 0.7, unknown: false });
    let item = |label, name: &str| TaughtItem {
        correction: None,
        label,
        name: name.into(),
        frames: 2,
        embedding: vec![1.0, 0.5, 0.0],
        logits: vec![2.0, -1.0],
    };
    SiteHead {
        bundle: "test 1".into(),
        network_sha256: bundle(str::to_owned).manifest.model.sha256,
        labels,
        known: 2,
        trust: 1.0,
        temperature: 1.1,
        energy_limit: -2.5,
        width: 3,
        weights: vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        bias: vec![0.1, 0.2, 0.3],
        taught: vec![item(0, "can/1.jpg"), item(2, "film/1.jpg")],
    }
}

/// Writes bytes and opens them as a site head of the test bundle.
fn open(bytes: &[u8]) -> Result<SiteHead, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("street.site");
    std::fs::write(&path, bytes).unwrap();
    let opened = SiteHead::open(&path, &bundle(str::to_owned));
    opened.map_err(|error| {
        let message = error.to_string();
        assert!(message.contains("street.site") && !message.contains('\n'), "{message}");
        message
    })
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = example().to_bytes().unwrap();
    assert_eq!(open(&bytes).unwrap(), example());
    assert_eq!(bytes, example().to_bytes().unwrap(), "the same head gives the same file");
}

#[test]
fn a_program_from_before_says_what_it_cannot_read() {
    let corrected = TaughtItem { correction: Some("drop".into()), ..example().taught[0].clone() };
    let with_correction = SiteHead { taught: vec![corrected], ..example() };
    let trusting_less = SiteHead { trust: 0.25, ..with_correction.clone() };
    for (site, format) in [(example(), 1), (with_correction, 2), (trusting_less, 3)] {
        let header = serde_json::to_string(&site.header()).unwrap();
        assert!(header.starts_with(&format!("{{\"format\":{format},")), "{header}");
        assert_eq!(open(&site.to_bytes().unwrap()).unwrap(), site);
    }
}

/// A file whose header was changed and hashed anew, as another program might write it.
fn with_header(from: &str, to: &str) -> Vec<u8> {
    let header = serde_json::to_string(&example().header()).unwrap();
    assert!(header.contains(from), "{from} is not in {header}");
    pack(&header.replacen(from, to, 1), &example().tensors()).unwrap()
}

/// A file with another tensor in one place, hashed anew.
fn with_tensor(which: usize, values: &[f32], shape: &[usize]) -> Vec<u8> {
    let header = serde_json::to_string(&example().header()).unwrap();
    let mut tensors: [Tensor; 4] = example().tensors();
    tensors[which] = (values.iter().flat_map(|value| value.to_le_bytes()).collect(), shape.to_vec());
    pack(&header, &tensors).unwrap()
}

#[test]
fn every_damaged_or_foreign_header_is_refused_with_its_reason() {
    let cases: [(&str, &str, &str); 23] = [
        ("\"format\":1", "\"format\":4", "its format is 4, this program reads 1 to 3"),
        ("\"format\":1", "\"format\":1,\"more\":0", "header is not understood"),
        ("\"format\":1,", "", "no format"),
        ("{\"format\"", "\"format\"", "its header is no JSON"),
        ("ba7816bf8f01", "000000000000", "network 000000000000"),
        ("\"known\":2", "\"known\":3", "logits is"),
        ("\"known\":2", "\"known\":9", "logits is"),
        ("\"known\":2", "\"known\":-2", "header is not understood"),
        ("\"known\":2", "\"known\":2,\"trust\":1.5", "trust 1.5 is not 0 to 1"),
        ("\"known\":2", "\"known\":2,\"trust\":-0.1", "trust -0.1 is not 0 to 1"),
        ("\"temperature\":1.1", "\"temperature\":0.0", "temperature 0"),
        ("\"temperature\":1.1", "\"temperature\":-1.1", "temperature -1.1"),
        ("\"temperature\":1.1", "\"temperature\":null", "header is not understood"),
        ("\"energy_limit\":-2.5", "\"energy_limit\":\"low\"", "header is not understood"),
        ("\"id\":\"can\"", "\"id\":\"film\"", "no name of its own"),
        ("\"id\":\"can\"", "\"id\":\"\"", "no name of its own"),
        ("\"id\":\"can\"", "\"id\":\"tin\"", "labels are not the bundle's"),
        ("\"stream\":\"can\"", "\"stream\":\"glass\"", "labels are not the bundle's"),
        ("\"stream\":\"can\"", "\"stream\":\"tin\"", "header is not understood"),
        ("\"stream\":\"general\"", "\"stream\":\"glass\"", "unknown must map to general"),
        ("\"threshold\":0.6", "\"threshold\":1.6", "not 0 to 1"),
        ("\"label\":2", "\"label\":3", "of no label"),
        ("\"frames\":2", "\"frames\":0", "of no frame"),
    ];
    for (from, to, says) in cases {
        let error = open(&with_header(from, to)).unwrap_err();
        assert!(error.contains(says), "{to}: {error}");
    }
}

#[test]
fn every_wrong_tensor_is_refused_with_its_reason() {
    let cases: [(usize, &[f32], &[usize], &str); 8] = [
        (0, &[0.0; 6], &[2, 3], "weights is F32 [2, 3]"),
        (0, &[0.0; 9], &[9], "embeddings of 0 numbers"),
        (0, &[], &[3, 0], "embeddings of 0 numbers"),
        (0, &[f32::NAN; 9], &[3, 3], "weights has a value that is no number"),
        (1, &[0.0; 2], &[2], "bias is F32 [2]"),
        (2, &[0.0; 3], &[1, 3], "embeddings is F32 [1, 3]"),
        (2, &[f32::INFINITY; 6], &[2, 3], "embeddings has a value that is no number"),
        (3, &[0.0; 6], &[2, 3], "logits is F32 [2, 3]"),
    ];
    for (which, values, shape, says) in cases {
        let error = open(&with_tensor(which, values, shape)).unwrap_err();
        assert!(error.contains(says), "{which} {shape:?}: {error}");
    }
}

#[test]
fn torn_flipped_oversized_and_foreign_files_are_refused() {
    let good = example().to_bytes().unwrap();
    for length in 0..good.len() {
        assert!(open(&good[..length]).is_err(), "{length} of {} bytes", good.len());
    }
    for place in 0..good.len() {
        let mut flipped = good.clone();
        flipped[place] ^= 0x10;
        // A letter of the JSON around the header may change without a change of meaning; nothing else may.
        if let Ok(head) = open(&flipped) {
            assert_eq!(head, example(), "byte {place} was flipped and changed what is read");
        }
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(open(&longer).unwrap_err().contains("no whole safetensors file"));
    assert!(open(&vec![0; SITE_FILE_LIMIT + 1]).unwrap_err().contains("larger than"));
    assert!(open(b"not a site head at all").unwrap_err().contains("no whole safetensors file"));
    let statistics = crate::identify::statistics::example(|_, _, _| ());
    assert!(open(&statistics).unwrap_err().contains("no site head"));
    let nowhere = SiteHead::read(Path::new("/nowhere/street.site")).unwrap_err().to_string();
    assert!(nowhere.contains("/nowhere/street.site") && nowhere.contains("cannot read"), "{nowhere}");
}

#[test]
fn too_many_items_or_labels_are_never_written() {
    let mut site = example();
    site.taught = vec![site.taught[0].clone(); MAX_TAUGHT + 1];
    assert!(site.to_bytes().unwrap_err().contains("taught items"));
    let mut site = example();
    let extra = |number| Label { id: format!("label {number}"), ..site.labels[2].clone() };
    let extra: Vec<Label> = (0..MAX_LABELS).map(extra).collect();
    site.labels.extend(extra);
    site.weights.resize(site.labels.len() * 3, 0.0);
    site.bias.resize(site.labels.len(), 0.0);
    assert!(site.to_bytes().unwrap_err().contains("labels"));
    site = example();
    site.bias[0] = f32::NAN;
    assert!(site.to_bytes().unwrap_err().contains("bias has a value"));
}

#[test]
fn the_largest_site_head_stays_below_the_limit() {
    let mut site = example();
    site.width = 1280;
    site.weights = vec![0.5; 3 * 1280];
    let name = "x".repeat(60);
    let item = TaughtItem { embedding: vec![0.1; 1280], name, ..site.taught[0].clone() };
    site.taught = vec![item; MAX_TAUGHT];
    let bytes = site.to_bytes().unwrap();
    assert!(bytes.len() < SITE_FILE_LIMIT, "{} bytes", bytes.len());
}

#[test]
fn a_site_head_is_bound_to_its_network() {
    let site = example();
    assert_eq!(site.fits(&bundle(str::to_owned)), Ok(()));
    let other = bundle(|good| good.replacen("ba7816bf8f01", "0123456789ab", 1));
    let why = site.fits(&other).unwrap_err();
    assert!(why.contains("network ba7816bf8f01") && why.contains("network 0123456789ab"), "{why}");
    let without = bundle(|good| good.replacen("embedding = \"embedding\"", "", 1));
    assert!(site.fits(&without).unwrap_err().contains("no embedding"));
    let more = bundle(|good| {
        good.replacen(
            "[training]",
            "[[label]]\nid = \"x\"\nstream = \"glass\"\nthreshold = 0.5\n[training]",
            1,
        )
    });
    assert!(site.fits(&more).unwrap_err().contains("labels"));
}

#[test]
fn scores_are_logits_and_what_was_taught() {
    let mut site = example();
    let mut scores = [0.0; 3];
    // Everything but the unknown was taught: it keeps its logit, and `can` its height.
    site.correction().apply(&[2.0, -1.0], &[10.0, 20.0, 3.0], &mut scores);
    assert!((scores[0] - 2.0).abs() < 1e-4, "{scores:?}");
    assert_eq!(scores[1], -1.0);
    // The new label starts at the mean logit, 0.5, and rises with the others' shift back to 2.
    assert!((scores[2] - (0.5 + 0.3 + 3.0 + (2.0 - 12.1))).abs() < 1e-4, "{scores:?}");
    // With the unknown taught too, nothing is held back.
    site.taught.push(TaughtItem { label: 1, ..site.taught[0].clone() });
    site.correction().apply(&[2.0, -1.0], &[10.0, 20.0, 3.0], &mut scores);
    assert!((scores[0] - 12.1).abs() < 1e-4 && (scores[1] - 19.2).abs() < 1e-4, "{scores:?}");
    // Where the network is trusted by half, its logits count half, and a new label starts at half their mean.
    site.trust = 0.5;
    site.correction().apply(&[2.0, -1.0], &[10.0, 20.0, 3.0], &mut scores);
    for (score, wanted) in scores.iter().zip([1.0 + 10.1, -0.5 + 20.2, 0.25 + 3.3]) {
        assert!((score - wanted).abs() < 1e-4, "{scores:?}");
    }
}

#[test]
fn a_new_stream_alone_leaves_the_network_as_it_is() {
    let mut site = example();
    site.taught.retain(|item| item.label == 2);
    let mut scores = [0.0; 3];
    site.correction().apply(&[2.0, -1.0], &[10.0, 20.0, 3.0], &mut scores);
    assert_eq!(scores, [2.0, -1.0, f32::NEG_INFINITY]);
}

#[test]
fn what_the_network_takes_for_an_untaught_stream_it_still_does() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2_000 {
        let logits: Vec<f32> = (0..6).map(|_| random.f32() * 10.0 - 5.0).collect();
        let mut scores: Vec<f32> = (0..6).map(|_| random.f32() * 40.0 - 20.0).collect();
        let free: Vec<bool> = (0..6).map(|_| random.bool()).collect();
        hold_back(&mut scores, &logits, &free);
        let first = |values: &[f32]| {
            (0..6).fold(0, |best, index| if values[index] > values[best] { index } else { best })
        };
        let (before, after) = (first(&logits), first(&scores));
        assert_eq!(free[before], free[after], "{logits:?} {scores:?} {free:?}");
        if !free[before] {
            assert_eq!(before, after);
        }
    }
}

#[test]
fn the_unknown_moves_only_when_most_streams_were_taught() {
    let mut labels: Vec<Label> = Stream::ALL
        .map(|stream| Label { id: stream.id().to_owned(), stream, threshold: 0.5, unknown: false })
        .to_vec();
    labels.push(Label { id: "unknown".into(), stream: Stream::General, threshold: 0.0, unknown: true });
    let free = |taught: usize, unknown: usize| {
        let mut counts: Vec<usize> = (0..Stream::COUNT).map(|stream| usize::from(stream < taught)).collect();
        counts.push(unknown);
        let counts = ItemCounts { corrected: vec![0; counts.len()], shown: counts };
        free_labels(&labels, &counts).iter().filter(|free| **free).count()
    };
    assert_eq!([free(0, 0), free(1, 0), free(4, 0), free(5, 0), free(9, 0)], [0, 1, 4, 6, 10]);
    assert_eq!([free(0, 1), free(4, 3)], [1, 5], "it was taught itself");
}

#[test]
fn a_dot_product_is_the_same_however_it_is_summed() {
    let left: Vec<f32> = (0..1283).map(|index| (index % 7) as f32).collect();
    let right: Vec<f32> = (0..1283).map(|index| (index % 5) as f32 - 2.0).collect();
    let plain: f32 = left.iter().zip(&right).map(|(left, right)| left * right).sum();
    assert_eq!(dot(&left, &right), plain);
}
