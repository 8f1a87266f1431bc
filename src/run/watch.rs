//! `watch: true`: a reload when a file changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{info, warn};

use crate::admin::orders::Orders;
use crate::config::node::NodeConfig;

/// How long the files must be quiet before they are read: an editor writes in several steps.
const QUIET: Duration = Duration::from_millis(200);

/// Asks for a reload whenever a file in a folder of zones or of databases has changed.
pub(super) fn files(node: &NodeConfig, orders: Orders) -> AbortHandle {
    let folders = folders(node);
    tokio::spawn(async move {
        let (changed, mut changes) = mpsc::channel(1);
        let tell = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = changed.try_send(());
            }
        };
        let mut watcher = match notify::recommended_watcher(tell) {
            Ok(watcher) => watcher,
            Err(error) => return warn!("files are not watched: {error}; use `rhumb reload`"),
        };
        for folder in &folders {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                warn!("{}: not watched: {error}; use `rhumb reload`", folder.display());
            }
        }
        while changes.recv().await.is_some() {
            while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|c| c.is_some()) {}
            info!("a file has changed");
            if orders.reload().await.is_none() {
                return;
            }
        }
    })
    .abort_handle()
}

/// The folders whose files matter, each once.
fn folders(node: &NodeConfig) -> Vec<PathBuf> {
    let folder = |path: &PathBuf| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.map_or_else(|| ".".into(), Path::to_owned)
    };
    let mut folders: Vec<_> = node.zones.iter().chain(&node.databases).map(folder).collect();
    folders.sort();
    folders.dedup();
    folders
}
