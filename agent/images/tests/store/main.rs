//! The store from outside: images in every form go in, directories come out.

mod forms;
mod hostile;
mod kit;
mod layers;
mod life;
