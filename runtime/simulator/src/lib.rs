//! runtime/simulator
