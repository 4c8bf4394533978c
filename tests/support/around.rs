//! The rest of a bin, as the uplink sees it: says what a test wants, and writes down what it is asked to do.

use std::sync::{Arc, Mutex};

use bunri::streams::Stream;
use bunri::uplink::wire::{Brought, CameraHealth, DiskHealth, Health, InferenceHealth, Location, Twin};
use bunri::uplink::{CompartmentNow, Obeyed, Order, Surroundings};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Around {
    alarms: Mutex<Vec<&'static str>>,
    orders: Mutex<Vec<Order>>,
    /// Told to let a roll-back end.
    pub(crate) release: Arc<Notify>,
}

impl Around {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn raise(&self, alarms: &[&'static str]) {
        *self.alarms.lock().unwrap() = alarms.to_vec();
    }

    /// What was asked so far.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.orders.lock().unwrap().clone()
    }
}

impl Surroundings for Around {
    fn twin(&self) -> Twin {
        Twin {
            software: "test".to_owned(),
            model: "test 1".to_owned(),
            configuration: "0123456789ab".to_owned(),
            compartments: vec![Stream::Can, Stream::Glass, Stream::General],
            location: Some(Location { latitude: 37.5, longitude: 126.9 }),
        }
    }

    fn health(&self) -> Health {
        Health {
            state: Some("empty".to_owned()),
            alarms: self.alarms().into_iter().map(str::to_owned).collect(),
            camera: CameraHealth { signal: true, frames_per_s: 30.0, refused: 0 },
            inference: InferenceHealth { p50_ms: 20.0, p99_ms: 30.0 },
            temperature_c: None,
            disk: Some(DiskHealth { free_bytes: 1, size_bytes: 2 }),
            clock_synchronised: false,
            up_s: 1,
            waiting: 0,
            given_up: 0,
        }
    }

    fn compartments(&self) -> Vec<CompartmentNow> {
        let compartment = |stream, holds_items| CompartmentNow {
            stream,
            full: false,
            closed: false,
            holds_items,
            measured: None,
        };
        vec![compartment(Stream::Can, Some(10)), compartment(Stream::Glass, None)]
    }

    fn alarms(&self) -> Vec<&'static str> {
        self.alarms.lock().unwrap().clone()
    }

    fn obey(&self, order: Order) -> Obeyed {
        if order == Order::Rollback {
            self.orders.lock().unwrap().push(order);
            let release = Arc::clone(&self.release);
            return Box::pin(async move {
                release.notified().await;
                Ok(Brought { bundle: Some("old@1".to_owned()), ..Brought::default() })
            });
        }
        let no_glass = matches!(order, Order::Compartment { stream: Stream::Glass, .. });
        self.orders.lock().unwrap().push(order);
        Box::pin(async move {
            if no_glass { Err("no such compartment".to_owned()) } else { Ok(Brought::default()) }
        })
    }
}
