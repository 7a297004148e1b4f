//! Cancel requests. The server's own key is what clients hold, so a request for a session of another proxy can
//! be delivered too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use catalog::tls::Tls;

use super::stream::Stream;
use crate::{config::Address, wire::startup};

/// How long a server may take to act on a request.
const DEADLINE: Duration = Duration::from_secs(10);
/// PostgreSQL's secrets have 4 bytes, since protocol 3.2 up to 256.
const KEY_BYTES_MAX: usize = 4 + 256;

/// Which server each session's key belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelKeys(Arc<Mutex<HashMap<Box<[u8]>, Address>>>);

impl CancelKeys {
    /// Remembers a session's key while the returned value lives.
    pub(crate) fn remember(&self, key: Box<[u8]>, server: Address) -> RememberedKey {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), server);
        RememberedKey { key, keys: self.clone() }
    }

    fn server_of(&self, key: &[u8]) -> Option<Address> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Delivers a request: to the session's server, or, if the session is another proxy's, to each of `servers`
    /// (a wrong key does nothing). Returns when the server has closed the connection, which is when it has
    /// acted: the client relies on that.
    pub(crate) async fn forward(&self, key: &[u8], servers: &[Address], tls: &Tls) {
        if key.len() > KEY_BYTES_MAX {
            return;
        }
        match self.server_of(key) {
            Some(server) => deliver(&server, tls, key).await,
            None => {
                for server in servers {
                    deliver(server, tls, key).await;
                }
            }
        }
    }
}

/// A key that is remembered.
#[derive(Debug)]
pub(crate) struct RememberedKey {
    key: Box<[u8]>,
    keys: CancelKeys,
}

impl Drop for RememberedKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Sends one cancel request, over TLS where sessions go over TLS, and waits for its end.
pub(crate) async fn deliver(server: &Address, tls: &Tls, key: &[u8]) {
    let delivery = async {
        let mut stream = Stream::connect(server, tls).await?;
        stream.write_all(&startup::cancel_packet(key)).await?;
        stream.flush().await?;
        stream.read(&mut [0; 1]).await
    };
    match timeout(DEADLINE, delivery).await {
        Ok(Ok(_)) => tracing::debug!(%server, "cancel request delivered"),
        Ok(Err(error)) => tracing::warn!(%server, %error, "cancel request not delivered"),
        Err(_) => tracing::warn!(%server, "cancel request not answered"),
    }
}
