//! A session's life as scripts: what happens, and what the session wants done about it.
//! Each test reads as a table of inputs and effects; `script` carries effects out as a worker would.

mod answers;
mod endings;
mod floods;
mod freezing;
mod interrupts;
mod limits;
mod openings;
mod peers;
mod properties;
mod recovery;
mod script;
mod sends;
mod stops;
mod words;
