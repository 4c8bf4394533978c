//! Errands for the hub, from the command to the answer: a real broker, a real web server, the real program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bunri::commands::demo_hub::LocalBroker;
use bunri::config::Config;
use bunri::daemon::Errands;
use bunri::identify::sha256;
use bunri::tally::AuditOutcome;
use bunri::uplink::wire::{Health, Reply, Twin};
use bunri::uplink::{CompartmentNow, Obeyed, Order, Settings, Subscriber, Surroundings};
use minisign::KeyPair;
use serde_json::{Value, json};

use crate::commands::{LATER, allowing, ask, command, hub, next};
use crate::program::{self, Ran, bunri, copy_folder, root};
use crate::support::around::Around;
use crate::support::bin::Bin;
use crate::support::files::Files;
use crate::support::gate::Gate;

/// A bin that does errands.
struct Errant {
    errands: Errands,
    around: Arc<Around>,
}

impl Surroundings for Errant {
    fn twin(&self) -> Twin {
        self.around.twin()
    }

    fn health(&self) -> Health {
        self.around.health()
    }

    fn compartments(&self) -> Vec<CompartmentNow> {
        self.around.compartments()
    }

    fn alarms(&self) -> Vec<&'static str> {
        self.around.alarms()
    }

    fn obey(&self, order: Order) -> Obeyed {
        let errands = self.errands.clone();
        Box::pin(async move {
            match order {
                Order::Support(file) => errands.deliver(&file, b"a bundle".to_vec()).await,
                Order::Install { file, sha256, signature } => errands.install(&file, sha256, signature).await,
                Order::Rollback => errands.roll_back().await,
                _ => Err("a test".to_owned()),
            }
        })
    }
}

/// The shipped bundle as version 2027.1, packed by the program.
fn archive(bin: &program::Bin) -> Vec<u8> {
    let (folder, archive) = (bin.path("bundle"), bin.path("bundle.tar"));
    copy_folder(&root().join("models/bunri-lite0"), &folder);
    let manifest = folder.join("manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let line = text.lines().find(|line| line.starts_with("version = ")).unwrap();
    fs::write(&manifest, text.replacen(line, "version = \"2027.1\"", 1)).unwrap();
    // With its own reference pictures.
    Ran::of(bunri(["model", "pack"]).arg(folder).arg(&archive)).fine();
    fs::read(archive).unwrap()
}

fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
    minisign::sign(None, &pair.sk, bytes, None, None).unwrap().into_string()
}

/// Asks for something that is accepted; returns what came of it.
async fn errand(hub: &mut Subscriber, name: &str, id: &str, fields: Value) -> Reply {
    let mut data = json!({ "expires": LATER });
    data.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let reply = ask(hub, command(name, id, &data)).await;
    if reply.outcome != "accepted" {
        return reply;
    }
    serde_json::from_value(next(hub, &format!("/{name}/{id}/reply")).await.data).unwrap()
}

fn bundles(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.join("bundles")).into_iter().flatten().map(Result::unwrap);
    entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains('@')).collect()
}

#[tokio::test]
async fn a_model_comes_from_the_hub_once_and_only_as_the_crew_could_install_it() {
    let (maker, stranger) =
        (KeyPair::generate_unencrypted_keypair().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
    let mut files_of_bin = program::Bin::new();
    files_of_bin.set("model.keys", vec![maker.pk.to_base64()]);
    // A loaded machine must not decide this.
    files_of_bin.set("model.change.slowest_look_ms", 60_000);
    // As the running bin has it.
    fs::create_dir_all(files_of_bin.state()).unwrap();
    let config = Config::load(&files_of_bin.write()).unwrap();
    let mut errands = Errands::of(&config);
    errands.program = env!("CARGO_BIN_EXE_bunri").into();

    let broker = LocalBroker::start(&[], "").await.unwrap();
    let gate = Gate::before(broker.port()).await;
    let mut hub = hub(&broker).await;
    let files = Files::start().await;
    let bin = Bin::synchronised();
    let settings = Settings {
        hub_url: Some(files.folder.clone()),
        ..allowing(&gate, &["support", "model", "rollback"])
    };
    let uplink = bin.uplink_within(settings, Arc::new(Errant { errands, around: Around::new() }));
    next(&mut hub, "/health").await;

    let archive = archive(&files_of_bin);
    files.put("new.tar", archive.clone());
    let good = json!({ "url": files.url("new.tar"), "sha256": sha256(&archive), "signature": sign(&maker, &archive) });
    let but = |field: &str, value: String| {
        let mut changed = good.clone();
        changed[field] = value.into();
        changed
    };
    let refused = [
        ("url", files.url("new.tar").replace("/files/", "/other/"), "refused", "uplink.hub_url"),
        ("url", files.url("gone.tar"), "failed", "404"),
        ("sha256", sha256(b"another"), "failed", "not the file that was meant"),
        ("signature", sign(&stranger, &archive), "failed", "bundle.tar"),
        ("signature", "nonsense".to_owned(), "failed", "bundle.tar.minisig"),
        ("expires", "2020-01-01T00:00:00Z".to_owned(), "refused", "expired"),
    ];
    for (number, (field, value, outcome, why)) in refused.into_iter().enumerate() {
        let reply = errand(&mut hub, "model", &format!("bad-{number}"), but(field, value)).await;
        assert!(reply.outcome == outcome && reply.why.contains(why), "{reply:?}");
    }
    assert!(bundles(&files_of_bin.state()).is_empty());

    let installed = errand(&mut hub, "model", "good", good.clone()).await;
    let result = installed.result.as_ref().unwrap_or_else(|| panic!("{installed:?}"));
    assert_eq!(
        (result.bundle.as_deref(), result.state.as_deref()),
        (Some("bunri-lite0@2027.1"), Some("shadow"))
    );
    let fetched = files.asked().len();
    assert_eq!(errand(&mut hub, "model", "good", good).await, installed);
    assert_eq!(files.asked().len(), fetched, "it was fetched again");
    assert_eq!(config.bundles.switch().unwrap().shadow(), Some("bunri-lite0@2027.1"));
    assert!(!files_of_bin.state().join("from-hub").exists());

    let back = errand(&mut hub, "rollback", "back", json!({})).await;
    assert_eq!((back.outcome.as_str(), back.result), ("done", None), "the factory's is live");
    assert_eq!(config.bundles.switch().unwrap().shadow(), None);
    let back = errand(&mut hub, "rollback", "again", json!({})).await;
    assert!(back.outcome == "failed" && back.why.contains("nothing to go back to"), "{back:?}");

    let url = json!({ "url": files.url("mok-1.tar.gz") });
    let put = errand(&mut hub, "support", "s", url).await.result.unwrap();
    assert_eq!((put.bytes, put.sha256), (Some(8), Some(sha256(b"a bundle"))));
    assert_eq!(files.get("mok-1.tar.gz").unwrap(), b"a bundle");
    let no = errand(&mut hub, "support", "s-2", json!({ "url": files.url("closed") })).await;
    assert!(no.outcome == "failed" && no.why.contains("403"), "{no:?}");

    assert!(uplink.stop().await);
    let audit = bin.audit();
    let of = |what: &str, outcome| {
        audit.iter().filter(|entry| entry.what == what && entry.outcome == outcome).count()
    };
    assert_eq!([of("hub_model", AuditOutcome::Done), of("hub_model", AuditOutcome::Refused)], [5, 2]);
    assert_eq!([of("hub_model_end", AuditOutcome::Done), of("hub_model_end", AuditOutcome::Failed)], [1, 4]);
}
