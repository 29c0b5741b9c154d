//! The options of sockets of the Internet, whatever they carry.

/// What a socket says in the headers of its packets, by one name for both versions of the protocol.
macro_rules! options {
    ($type:ty) => {
        /// # In the headers of packets
        impl $type {
            /// Over how many routers its packets may go (`IP_TTL`, or the hop limit of IPv6).
            ///
            /// # Errors
            /// Those of the system.
            pub fn ttl(&self) -> std::io::Result<u32> {
                let socket = socket2::SockRef::from(self);
                if $crate::net::ip::is_v6(&socket)? {
                    socket.unicast_hops_v6()
                } else {
                    socket.ttl_v4()
                }
            }

            /// Sets over how many routers its packets may go (`IP_TTL`, or the hop limit of IPv6).
            ///
            /// # Errors
            /// Those of the system: the greatest number is 255.
            pub fn set_ttl(&self, ttl: u32) -> std::io::Result<()> {
                let socket = socket2::SockRef::from(self);
                if $crate::net::ip::is_v6(&socket)? {
                    socket.set_unicast_hops_v6(ttl)
                } else {
                    socket.set_ttl_v4(ttl)
                }
            }
        }

        /// # How routers treat its packets
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_os = "freebsd",
            target_os = "dragonfly",
            target_os = "netbsd",
            target_os = "openbsd",
            target_os = "macos"
        ))]
        impl $type {
            /// How routers are to treat its packets (`IP_TOS`, or the traffic class of IPv6): a code point in the upper six bits,
            /// congestion notification in the lower two.
            ///
            /// # Errors
            /// Those of the system.
            pub fn tos(&self) -> std::io::Result<u32> {
                let socket = socket2::SockRef::from(self);
                if $crate::net::ip::is_v6(&socket)? {
                    socket.tclass_v6()
                } else {
                    socket.tos_v4()
                }
            }

            /// Sets how routers are to treat its packets. See [`tos`](Self::tos).
            ///
            /// # Errors
            /// Those of the system.
            pub fn set_tos(&self, tos: u32) -> std::io::Result<()> {
                let socket = socket2::SockRef::from(self);
                if $crate::net::ip::is_v6(&socket)? {
                    socket.set_tclass_v6(tos)
                } else {
                    socket.set_tos_v4(tos)
                }
            }
        }
    };
}
pub(super) use options;

/// Keeping a socket to one network device.
macro_rules! device {
    ($type:ty) => {
        /// # One network device
        #[cfg(any(target_os = "linux", target_os = "android"))]
        impl $type {
            /// The name of the network device to which it keeps (`SO_BINDTODEVICE`).
            ///
            /// # Errors
            /// Those of the system.
            pub fn device(&self) -> std::io::Result<Option<Vec<u8>>> {
                socket2::SockRef::from(self).device()
            }

            /// Keeps it to a network device: it sends there and receives from there only. `None` lifts that.
            ///
            /// # Errors
            /// Those of the system, among them a device that there is not, and
            /// [`PermissionDenied`](std::io::ErrorKind::PermissionDenied): older kernels allow it to root only, newer ones
            /// allow it to everybody once.
            pub fn bind_device(&self, name: Option<&[u8]>) -> std::io::Result<()> {
                socket2::SockRef::from(self).bind_device(name)
            }
        }
    };
}
pub(super) use device;

pub(super) fn is_v6(socket: &socket2::Socket) -> std::io::Result<bool> {
    Ok(socket.local_addr()?.domain() == socket2::Domain::IPV6)
}
