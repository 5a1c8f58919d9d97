use super::*;
use crate::telemetry::otlp::{ExportResponse, PartialSuccess};

fn response() -> ExportResponse {
    let partial_success = PartialSuccess { rejected_spans: 7, error_message: "full".to_owned() };
    ExportResponse { partial_success: Some(partial_success) }
}

#[test]
fn one_message_is_read_and_nothing_else() {
    let bytes = frame(&response()).unwrap();
    let unframe = |bytes: &[u8]| unframe::<ExportResponse>(bytes);
    assert_eq!(unframe(&bytes), Some(response()));
    assert_eq!(unframe(&bytes[..bytes.len() - 1]), None);
    assert_eq!(unframe(&[&bytes[..], b"x"].concat()), None);
    assert_eq!(unframe(&[b"\x01", &bytes[1..]].concat()), None, "compressed");
    assert_eq!(unframe(b""), None);
    assert_eq!(unframe(b"\0\0\0\0\x01\xff"), None);
}

fn answer(status: Option<&'static str>, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(body));
    if let Some(status) = status {
        response.headers_mut().insert(STATUS, HeaderValue::from_static(status));
    }
    response
}

#[tokio::test]
async fn how_a_call_ended_is_told() {
    let good = frame(&response()).unwrap();
    assert_eq!(read::<ExportResponse>(answer(Some("0"), good.clone()), 100).await, Ok(response()));
    let cases = [
        (Some("14"), Bytes::new(), Some(14)),
        (None, good.clone(), None),
        (Some("x"), good.clone(), None),
        (Some("0"), Bytes::new(), None),
        (Some("0"), Bytes::from(vec![0; 101]), None),
    ];
    for (status, body, wanted) in cases {
        assert_eq!(read::<ExportResponse>(answer(status, body), 100).await, Err(NoReply(wanted)));
    }
    let mut missing = answer(Some("0"), good);
    *missing.status_mut() = StatusCode::NOT_FOUND;
    assert_eq!(read::<ExportResponse>(missing, 100).await, Err(NoReply(None)));
}
