//! The power goes after, or in the middle of, every single step of an installation and of going back.
//!
//! [`CutDisk`] works on a real folder and forgets what a real disk may forget: a name that was made, moved or removed and
//! whose folder was not synced since. Each step is cut in three ways: the step not begun, half done, and done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::disk::{Disk, RealDisk};
use super::tests::{Maker, Sent, bin, passes, settle};
use super::*;

/// How to take back a step whose folder was not synced.
#[derive(Debug)]
struct Undo {
    folder: PathBuf,
    /// What stood under the name before, kept elsewhere, and the name.
    before: Option<PathBuf>,
    name: PathBuf,
    /// For a move: where it came from.
    from: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct State {
    steps: usize,
    undo: Vec<Undo>,
}

impl State {
    /// A folder's names are on the disk: what is still to be forgotten below a name that moved is below its new name.
    fn settle(&mut self, folder: &Path) {
        let (sure, mut unsure): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.undo).into_iter().partition(|undo| undo.folder == folder);
        for moved in sure {
            let Some(from) = &moved.from else { continue };
            for path in unsure.iter_mut().flat_map(|undo| [&mut undo.folder, &mut undo.name]) {
                if let Ok(rest) = path.strip_prefix(from) {
                    *path = if rest == Path::new("") { moved.name.clone() } else { moved.name.join(rest) };
                }
            }
        }
        self.undo = unsure;
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Before,
    Half,
    After,
}

#[derive(Debug)]
struct CutDisk {
    /// Step at which the power goes, counted from 0.
    at: usize,
    cut: Cut,
    attic: tempfile::TempDir,
    state: Mutex<State>,
}

fn gone() -> io::Error {
    io::Error::other("the power is gone")
}

impl CutDisk {
    fn new(at: usize, cut: Cut) -> Self {
        Self { at, cut, attic: tempfile::tempdir().unwrap(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Does a step, or what the cut leaves of it.
    fn step(
        &self,
        whole: impl FnOnce() -> io::Result<()>,
        half: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let step = self.state().steps;
        self.state().steps += 1;
        match (step.cmp(&self.at), self.cut) {
            (std::cmp::Ordering::Less, _) => whole(),
            (std::cmp::Ordering::Equal, Cut::Half) => half().and(Err(gone())),
            (std::cmp::Ordering::Equal, Cut::After) => whole().and(Err(gone())),
            _ => Err(gone()),
        }
    }

    /// Keeps what stands under a name, as far as the disk knows it.
    fn keep(&self, name: &Path) -> Option<PathBuf> {
        let number = self.state().undo.len();
        let kept = self.attic.path().join(format!("{}-{number}", self.state().steps));
        name.exists().then(|| copy(name, &kept)).map(|()| kept)
    }

    fn remember(&self, name: &Path, before: Option<PathBuf>, from: Option<&Path>) {
        let folder = name.parent().unwrap().to_owned();
        let (name, from) = (name.to_owned(), from.map(Path::to_owned));
        self.state().undo.push(Undo { folder, before, name, from });
    }

    /// What the disk shows after the cut when it had not yet taken any name that was not synced.
    fn forget(&self) {
        let undo = std::mem::take(&mut self.state().undo);
        for undo in undo.into_iter().rev() {
            match undo.from {
                Some(from) => std::fs::rename(&undo.name, from).unwrap(),
                None => RealDisk.remove(&undo.name).unwrap(),
            }
            if let Some(before) = undo.before {
                copy(&before, &undo.name);
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).map(drop).unwrap();
        return;
    }
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

impl Disk for CutDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let whole = || {
            RealDisk.make_folder(path)?;
            self.remember(path, None, None);
            Ok(())
        };
        self.step(whole, || Ok(()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let write = |bytes: &[u8]| {
            // Nothing is brought to the real disk: what would have been lost is taken back by `forget`.
            std::fs::write(path, bytes)?;
            self.remember(path, None, None);
            Ok(())
        };
        self.step(|| write(bytes), || write(&bytes[..bytes.len() / 2]))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let whole = || {
            let before = self.keep(to);
            RealDisk.rename(from, to)?;
            self.remember(to, before, Some(from));
            Ok(())
        };
        self.step(whole, || Ok(()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let remove = |half: bool| {
            if !path.exists() {
                return Ok(());
            }
            let before = self.keep(path);
            if half && path.is_dir() {
                let first = std::fs::read_dir(path)?.next().unwrap()?.path();
                RealDisk.remove(&first)?;
            } else {
                RealDisk.remove(path)?;
                self.remember(path, before, None);
            }
            Ok(())
        };
        self.step(|| remove(false), || remove(true))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let whole = || {
            assert!(path.is_dir());
            self.state().settle(path);
            Ok(())
        };
        self.step(whole, || Ok(()))
    }
}

/// What the bin would start with: the live bundle, which must be whole.
fn starts_with(store: &BundleStore) -> Option<String> {
    let switch = store.switch().unwrap();
    for id in switch.live.iter().map(String::as_str).chain(switch.shadow()) {
        store.verify(id).unwrap();
    }
    switch.live
}

/// Cuts the power at each step of `change` in each way; `old` and `new` are what may be live then. Returns the steps.
fn cut_everywhere(
    prepare: impl Fn(&BundleStore, &Path),
    change: impl Fn(&BundleStore, &Path) -> Result<(), StoreError>,
    [old, new]: [Option<&str>; 2],
    keys: &[TrustedKey],
) -> usize {
    let mut seen_new = 0;
    for at in 0.. {
        let mut complete = false;
        for (cut, forgets) in
            [Cut::Before, Cut::Half, Cut::After].into_iter().flat_map(|cut| [(cut, false), (cut, true)])
        {
            let folder = tempfile::tempdir().unwrap();
            let whole = Arc::new(CutDisk::new(usize::MAX, Cut::After));
            let store = BundleStore { disk: whole, ..BundleStore::of(folder.path(), keys, 0) };
            prepare(&store, folder.path());
            let disk = Arc::new(CutDisk::new(at, cut));
            let cut_store = BundleStore { disk: Arc::clone(&disk) as Arc<dyn Disk>, ..store.clone() };
            complete = change(&cut_store, folder.path()).is_ok();
            if forgets {
                disk.forget();
            }
            let live = starts_with(&store);
            let expected = if complete { vec![new] } else { vec![old, new] };
            assert!(expected.contains(&live.as_deref()), "step {at} {cut:?}, forgets {forgets}: {live:?}");
            seen_new += usize::from(live.as_deref() == new);
            // And the same change succeeds afterwards, whatever was left behind.
            if !complete && live.as_deref() == old {
                change(&store, folder.path()).unwrap_or_else(|error| panic!("step {at} {cut:?}: {error}"));
                assert_eq!(starts_with(&store).as_deref(), new, "step {at} {cut:?}");
            }
        }
        if complete {
            assert!(seen_new > 6, "never saw the new one after a cut");
            return at;
        }
    }
    0
}

fn install(store: &BundleStore, folder: &Path, sent: &Sent) -> Result<(), StoreError> {
    let [archive, signature] = sent.put(folder);
    store.install(&archive, &signature, &bin(), &mut passes, Start::AtOnce).map(drop)
}

/// Bundles that were installed long ago.
fn installed(store: &BundleStore, folder: &Path, sent: &[Sent]) {
    for sent in sent {
        install(store, folder, sent).unwrap();
        settle(store);
    }
}

#[test]
fn an_installation_cut_anywhere_leaves_the_old_bundle_or_the_new_one() {
    let maker = Maker::new();
    let sent = ["1", "2", "3", "4"].map(|version| maker.version(version));
    // The first one is removed on the way.
    let steps = cut_everywhere(
        |store, folder| installed(store, folder, &sent[..3]),
        |store, folder| install(store, folder, &sent[3]),
        [Some("street@3"), Some("street@4")],
        &[maker.key()],
    );
    assert!(steps >= 15, "{steps}");
}

#[test]
fn the_first_installation_cut_anywhere_leaves_the_factorys_bundle_or_the_new_one() {
    let maker = Maker::new();
    let sent = maker.version("1");
    let change = |store: &BundleStore, folder: &Path| install(store, folder, &sent);
    let steps = cut_everywhere(|_, _| {}, change, [None, Some("street@1")], &[maker.key()]);
    assert!(steps >= 10, "{steps}");
}

#[test]
fn going_back_cut_anywhere_leaves_the_old_bundle_or_the_new_one() {
    let maker = Maker::new();
    let sent = ["1", "2"].map(|version| maker.version(version));
    let steps = cut_everywhere(
        |store, folder| installed(store, folder, &sent),
        |store, _| store.rollback().map(drop),
        [Some("street@2"), Some("street@1")],
        &[maker.key()],
    );
    assert!(steps >= 4, "{steps}");
}

#[test]
fn a_bundle_on_its_way_into_the_shadow_never_touches_the_live_one() {
    let maker = Maker::new();
    let sent = ["1", "2"].map(|version| maker.version(version));
    let steps = cut_everywhere(
        |store, folder| installed(store, folder, &sent[..1]),
        |store, folder| {
            let [archive, signature] = sent[1].put(folder);
            store.install(&archive, &signature, &bin(), &mut passes, Start::InShadow).map(drop)
        },
        [Some("street@1"), Some("street@1")],
        &[maker.key()],
    );
    assert!(steps >= 10, "{steps}");
}
