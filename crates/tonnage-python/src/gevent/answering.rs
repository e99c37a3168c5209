//! One request in its greenlet: prepared, answered by the application, and done with what it was
//! called with.

use pyo3::prelude::*;
use tonnage_serve::dispatch::Exchange;

use super::greenlets::Greenlets;
use crate::worker::lock;
use crate::wsgi::Stock;

impl Greenlets {
    /// Has a request answered, by the application where it is given it.
    pub(super) fn answer(&self, py: Python<'_>, mut exchange: Exchange) -> Option<Exchange> {
        let mut stock = match self.take_stock(py) {
            Ok(stock) => stock,
            Err(error) => return Some(self.calls.refuse(py, exchange, error.into())),
        };
        let prepared = stock.prepare(py, &mut exchange);
        self.put_back(stock);
        match prepared {
            Ok(prepared) => {
                let (exchange, callables) = self.calls.run(py, exchange, prepared);
                if let Ok(mut stock) = self.take_stock(py) {
                    stock.take_back(py, callables);
                    self.put_back(stock);
                }
                exchange
            }
            Err(unfit) => Some(self.calls.refuse(py, exchange, unfit)),
        }
    }

    fn take_stock(&self, py: Python<'_>) -> PyResult<Box<Stock>> {
        if let Some(stock) = lock(&self.stock).take() {
            return Ok(stock);
        }
        let patience = self.patience.clone_ref(py);
        self.plan.stock(py, patience).map(Box::new)
    }

    fn put_back(&self, stock: Box<Stock>) {
        let other = lock(&self.stock).replace(stock);
        drop(other);
    }
}
