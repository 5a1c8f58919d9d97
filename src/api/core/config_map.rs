//! ConfigMap.

use super::secret::{KEY_FORM, LONGEST, is_key};
use crate::api::ConfigMap;
use crate::api::schema::{Path, Report};

pub(super) fn finish(config_map: &ConfigMap, report: &mut Report) {
    let root = Path::Root;
    let (text, binary) = (config_map.data.iter().flatten(), config_map.binary_data.iter().flatten());
    let text = text.map(|(key, value)| ("data", key, value.len()));
    let binary = binary.map(|(key, value)| ("binaryData", key, value.0.len()));
    let mut length = 0;
    for (field, key, bytes) in text.chain(binary) {
        length += bytes;
        let path = root.field(field);
        if !is_key(key) {
            report.error(&path.key(key), KEY_FORM);
        }
        let twice = field == "binaryData" && config_map.data.iter().flatten().any(|(other, _)| other == key);
        if twice {
            report.error(&path.key(key), "is in data too: remove one of them");
        }
    }
    if length > LONGEST {
        report.error(&root.field("data"), format!("must have at most {LONGEST} bytes, has {length}"));
    }
}
