use std::{future::Future, io, net::SocketAddr, pin::Pin, time::Duration};

use hickory_resolver::proto::{
    ProtoError,
    runtime::{RuntimeProvider, Spawn},
};
use interloop::{Reactor, net};

use crate::{TcpStream, Time, UdpSocket};

/// How long a connection may take to be made, unless hickory says: as its own providers have it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// hickory's runtime, which is a reactor: for its `GenericConnector`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Provider {
    reactor: Reactor,
}

impl Provider {
    /// Connects, and runs tasks, on this reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl RuntimeProvider for Provider {
    type Handle = Handle;
    type Timer = Time;
    type Udp = UdpSocket;
    type Tcp = TcpStream;

    fn create_handle(&self) -> Handle {
        Handle {
            reactor: self.reactor.clone(),
        }
    }

    fn connect_tcp(
        &self,
        server_addr: SocketAddr,
        bind_addr: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<TcpStream>>>> {
        let reactor = self.reactor.clone();
        Box::pin(async move {
            let limit = timeout.unwrap_or(CONNECT_TIMEOUT);
            let connecting = async {
                let socket = net::TcpSocket::for_addr(server_addr)?;
                if let Some(addr) = bind_addr {
                    socket.bind(addr)?;
                }
                let stream = socket.connect(&reactor, server_addr).await?;
                stream.set_nodelay(true)?;
                Ok(TcpStream::new(stream))
            };
            reactor.timeout(limit, connecting).await
        })
    }

    fn bind_udp(
        &self,
        local_addr: SocketAddr,
        _server_addr: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<UdpSocket>>>> {
        let bound = net::UdpSocket::bind(&self.reactor, local_addr);
        Box::pin(async { bound.map(UdpSocket::new) })
    }
}

/// Spawns hickory's tasks on a reactor. Made by a [`Provider`].
#[derive(Clone, Debug)]
pub struct Handle {
    reactor: Reactor,
}

impl Spawn for Handle {
    fn spawn_bg<F>(&mut self, future: F)
    where
        F: Future<Output = Result<(), ProtoError>> + Send + 'static,
    {
        // What a connection's task ends with, those who wait for an answer on it are told as well.
        let task = async { drop(future.await) };
        self.reactor.spawn_infallible(task).detach();
    }
}
