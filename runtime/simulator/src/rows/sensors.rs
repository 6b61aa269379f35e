//! Samples of sensors in JSON, as Edge Impulse exports and takes them:
//!
//! ```json
//! {"payload": {"interval_ms": 16, "sensors": [{"name": "accX"}], "values": [[1.5], [2]]}}
//! ```

use serde::Deserialize;

use super::{Cells, Fault};

/// The samples of a file.
pub(super) struct Sensors {
    pub names: Vec<String>,
    pub rate: Option<f64>,
    values: std::vec::IntoIter<Values>,
    row: u64,
}

#[derive(Deserialize)]
struct File {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    interval_ms: f64,
    sensors: Vec<Sensor>,
    values: Vec<Values>,
}

#[derive(Deserialize)]
struct Sensor {
    name: String,
}

/// A sample; of one sensor it may be a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(f64),
    Each(Vec<f64>),
}

impl Sensors {
    pub fn parse(json: &str) -> Result<Self, Fault> {
        let wrong = |what: String| Fault::Sensors(what);
        let file: File = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        let Payload {
            interval_ms,
            sensors,
            values,
        } = file.payload;
        let width = sensors.len();
        for (index, values) in values.iter().enumerate() {
            let own = match values {
                Values::One(_) => 1,
                Values::Each(values) => values.len(),
            };
            if own != width {
                let row = index + 1;
                return Err(wrong(format!(
                    "sample {row} of payload.values has {own} numbers, payload.sensors {width}"
                )));
            }
        }
        if values.is_empty() {
            return Err(Fault::Empty);
        }
        Ok(Self {
            names: sensors.into_iter().map(|sensor| sensor.name).collect(),
            rate: (interval_ms > 0.0).then(|| 1000.0 / interval_ms),
            values: values.into_iter(),
            row: 0,
        })
    }

    /// Writes the next sample into the cells; which one it is.
    pub fn next(&mut self, cells: &mut Cells) -> Option<u64> {
        let values = self.values.next()?;
        cells.clear();
        match values {
            Values::One(value) => cells.push(&value.to_string()),
            Values::Each(values) => values.iter().for_each(|v| cells.push(&v.to_string())),
        }
        self.row += 1;
        Some(self.row)
    }
}
