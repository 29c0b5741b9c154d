use std::{error::Error, fmt, io};

/// Why there is no message, or one could not be sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum MessageError<E> {
    /// Reading or writing has failed.
    Io(io::Error),
    /// What has come is no message, or what is to be sent cannot be written as one.
    Codec(E),
    /// The stream has ended in the middle of a message, of which as many bytes had come.
    Partial(usize),
}

impl<E> fmt::Display for MessageError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the connection below the messages failed"),
            Self::Codec(_) => f.write_str("not a message of the expected form"),
            Self::Partial(len) => write!(
                f,
                "the stream ended in the middle of a message, after {len} bytes of it"
            ),
        }
    }
}

impl<E: Error + 'static> Error for MessageError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Codec(error) => Some(error),
            Self::Partial(_) => None,
        }
    }
}

impl<E> From<io::Error> for MessageError<E> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A partial message is an [`io::ErrorKind::UnexpectedEof`], what is no message [`io::ErrorKind::InvalidData`].
impl<E: Error + Send + Sync + 'static> From<MessageError<E>> for io::Error {
    fn from(error: MessageError<E>) -> Self {
        match error {
            MessageError::Io(error) => error,
            MessageError::Codec(_) => Self::new(io::ErrorKind::InvalidData, error),
            MessageError::Partial(_) => Self::new(io::ErrorKind::UnexpectedEof, error),
        }
    }
}
