//! Every format: a small file of our own and what must come out of it, each way in which it can be
//! wrong and where the message says that it is, and the published files where there are any.

#![forbid(unsafe_code)]

mod alibaba;
mod google2011;
mod google2019;
mod kit;
mod omega;
mod openb;
mod packed;
mod philly;
mod published;
mod surf;
mod swf;
mod text;
