//! An API server in this process: it keeps objects, lists and watches them, judges
//! `resourceVersion`s, and remembers every request.

mod created;
mod discovery;
mod paths;
mod refusals;

use bytes::Bytes;
use created::{can_have_cluster_ips, created};
use discovery::Offer;
use http::{Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use kube::Client;
use kube::client::Body;
use paths::{parse, place_of};
use refusals::Refusals;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// The server; a clone is the same one.
#[derive(Clone)]
pub(crate) struct ApiServer {
    state: Arc<Mutex<State>>,
    /// Counts the requests, so that a test can wait for one.
    requested: watch::Sender<usize>,
}

struct State {
    version: u64,
    /// By collection (`gateway.networking.k8s.io/v1/gateways`), namespace and name.
    objects: BTreeMap<Place, Value>,
    log: Vec<(u64, &'static str, Place, Value)>,
    watches: Vec<(Selection, mpsc::UnboundedSender<String>)>,
    requests: Vec<Asked>,
    away: bool,
    missing: BTreeSet<String>,
    offer: Offer,
    /// Field selectors that nobody may ask for.
    forbidden: BTreeSet<String>,
    refusals: Refusals,
    /// How it sends a list by a watch, if it does.
    streams: Streams,
    /// Versions below this are forgotten.
    oldest: u64,
    /// Before the next write of this object somebody else writes this.
    intruder: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Streams {
    Well,
    Refused,
    Broken,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    collection: String,
    namespace: String,
    name: String,
}

/// What a list or a watch is about.
#[derive(Clone, Debug)]
struct Selection {
    collection: String,
    /// Empty: all of them.
    namespace: String,
    fields: Option<String>,
}

/// A request that came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) answered: u16,
}

impl ApiServer {
    pub(crate) fn new() -> Self {
        let state = State {
            version: 100,
            objects: BTreeMap::new(),
            log: Vec::new(),
            watches: Vec::new(),
            requests: Vec::new(),
            away: false,
            missing: BTreeSet::new(),
            offer: Offer::default(),
            forbidden: BTreeSet::new(),
            refusals: Refusals::default(),
            streams: Streams::Well,
            oldest: 0,
            intruder: None,
        };
        Self { state: Arc::new(Mutex::new(state)), requested: watch::Sender::new(0) }
    }

    pub(crate) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let server = server.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                server.handle(&head, body)
            }
        });
        Client::new(service, "default")
    }

    /// Creates or changes an object.
    pub(crate) fn put(&self, object: Value) -> Value {
        self.state().put(object)
    }

    pub(crate) fn delete(&self, object: &Value) {
        let mut state = self.state();
        let place = place_of(object);
        let mut last = state.objects.remove(&place).unwrap();
        state.version += 1;
        last["metadata"]["resourceVersion"] = state.version.to_string().into();
        state.tell("DELETED", &place, last);
    }

    /// The object as it is now.
    pub(crate) fn get(&self, object: &Value) -> Option<Value> {
        self.state().objects.get(&place_of(object)).cloned()
    }

    /// Every connection breaks, and no new one can be made, until it is back.
    pub(crate) fn away(&self, away: bool) {
        let mut state = self.state();
        state.away = away;
        state.watches.clear();
    }

    /// The server does not know this plural, and ends its watches.
    pub(crate) fn missing(&self, plural: &str, missing: bool) {
        let mut state = self.state();
        if missing {
            state.missing.insert(plural.to_owned())
        } else {
            state.missing.remove(plural)
        };
        let ending = format!("/{plural}");
        state.watches.retain(|(selection, _)| !selection.collection.ends_with(&ending));
    }

    /// Nobody may list or watch with this field selector.
    pub(crate) fn forbid(&self, fields: &str, forbidden: bool) {
        let mut state = self.state();
        if forbidden {
            state.forbidden.insert(fields.to_owned());
        } else {
            state.forbidden.remove(fields);
        }
    }

    /// The watches that are open, as path and field selector.
    pub(crate) fn open_watches(&self) -> Vec<String> {
        let mut state = self.state();
        state.watches.retain(|(_, sender)| !sender.is_closed());
        let shown = |selection: &Selection| {
            let Selection { collection, namespace, fields } = selection;
            format!("{namespace}/{collection}?{}", fields.as_deref().unwrap_or_default())
        };
        let mut open: Vec<_> = state.watches.iter().map(|(selection, _)| shown(selection)).collect();
        open.sort();
        open
    }

    /// The server cannot send a list by a watch.
    pub(crate) fn no_streaming(&self) {
        self.state().streams = Streams::Refused;
    }

    /// It begins to, but its storage cannot (etcd 3.4).
    pub(crate) fn broken_streaming(&self) {
        self.state().streams = Streams::Broken;
    }

    /// Nobody can go on from any version before now.
    pub(crate) fn forget_versions(&self) {
        let mut state = self.state();
        state.version += 1;
        state.oldest = state.version;
        state.watches.clear();
    }

    /// Somebody else writes this just before the next write.
    pub(crate) fn intrude(&self, object: Value) {
        self.state().intruder = Some(object);
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.state().requests.clone()
    }

    /// Requests that change something.
    pub(crate) fn writes(&self) -> Vec<Asked> {
        self.requests().into_iter().filter(|asked| asked.method != Method::GET).collect()
    }

    /// Waits until this holds after some request.
    pub(crate) async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let mut requested = self.requested.subscribe();
        while !holds(self) {
            requested.changed().await.unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn handle(&self, head: &http::request::Parts, body: Value) -> io::Result<Answer> {
        let query = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.to_owned(), value.replace("%3D", "=").replace("%2F", "/")))
        });
        let mut asked = Asked {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: query.collect(),
            body,
            answered: 0,
        };
        let answer = {
            let mut state = self.state();
            let answer = state.answer(&asked);
            asked.answered = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            state.requests.push(asked);
            answer
        };
        self.requested.send_modify(|count| *count += 1);
        answer
    }
}

impl State {
    fn put(&mut self, mut object: Value) -> Value {
        let place = place_of(&object);
        self.version += 1;
        let before = self.objects.get(&place);
        let uid = before
            .map_or_else(|| json!(format!("uid-{}", self.version)), |old| old["metadata"]["uid"].clone());
        let metadata = &mut object["metadata"];
        if metadata["uid"].is_null() {
            metadata["uid"] = uid;
        }
        metadata["resourceVersion"] = self.version.to_string().into();
        let what = if before.is_some() { "MODIFIED" } else { "ADDED" };
        self.objects.insert(place.clone(), object.clone());
        self.tell(what, &place, object.clone());
        object
    }

    fn tell(&mut self, what: &'static str, place: &Place, object: Value) {
        self.log.push((self.version, what, place.clone(), object.clone()));
        self.watches.retain(|(selection, watch)| {
            !selection.has(place, &object) || watch.send(line(what, &object)).is_ok()
        });
    }

    fn answer(&mut self, asked: &Asked) -> io::Result<Answer> {
        if self.away {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "refused"));
        }
        if let Some(found) = self.offer.found(&asked.path) {
            return Ok(answer(StatusCode::OK, found.to_string().into_bytes()));
        }
        let (place, subresource) = parse(&asked.path);
        if self.missing.iter().any(|plural| place.collection.ends_with(&format!("/{plural}"))) {
            return Ok(answer(StatusCode::NOT_FOUND, b"404 page not found\n".to_vec()));
        }
        let text = |key: &str| asked.query.get(key).map(String::as_str);
        if asked.method != Method::GET {
            return Ok(self.write(asked, &place, subresource.as_deref()));
        }
        let fields = text("fieldSelector").map(str::to_owned);
        let selection =
            Selection { collection: place.collection.clone(), namespace: place.namespace.clone(), fields };
        Ok(if !place.name.is_empty() {
            match self.objects.get(&place) {
                Some(object) => answer(StatusCode::OK, object.to_string().into_bytes()),
                None => failure(404, "NotFound", "not found"),
            }
        } else if text("fieldSelector").is_some_and(|fields| self.forbidden.contains(fields)) {
            failure(403, "Forbidden", "forbidden by the test")
        } else if text("watch") == Some("true") {
            if text("sendInitialEvents") == Some("true") {
                match self.streams {
                    Streams::Well => self.watch(selection, None),
                    Streams::Refused => failure(422, "Invalid", "sendInitialEvents is forbidden for watch"),
                    Streams::Broken => {
                        let status = json!({
                            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500,
                            "reason": "InternalError", "message": "RequestWatchProgress is disabled",
                        });
                        let event = json!({ "type": "ERROR", "object": status });
                        answer(StatusCode::OK, format!("{event}\n").into_bytes())
                    }
                }
            } else {
                let from = text("resourceVersion").unwrap().parse().unwrap();
                self.watch(selection, Some(from))
            }
        } else {
            self.list(&selection, asked)
        })
    }

    fn list(&self, selection: &Selection, asked: &Asked) -> Answer {
        let number = |key: &str| asked.query.get(key).map(|text| text.parse::<usize>().unwrap());
        let all: Vec<_> = self
            .objects
            .iter()
            .filter(|(place, object)| selection.has(place, object))
            .map(|(_, object)| object)
            .collect();
        let (from, limit) = (number("continue").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
        let to = all.len().min(from.saturating_add(limit));
        let mut list = json!({
            "apiVersion": "v1", "kind": "List",
            "metadata": { "resourceVersion": self.version.to_string() },
            "items": all[from..to].iter().map(|object| {
                let mut object = (*object).clone();
                let fields = object.as_object_mut().unwrap();
                fields.remove("apiVersion");
                fields.remove("kind");
                object
            }).collect::<Vec<_>>(),
        });
        if to < all.len() {
            list["metadata"]["continue"] = to.to_string().into();
        }
        answer(StatusCode::OK, list.to_string().into_bytes())
    }

    fn watch(&mut self, selection: Selection, from: Option<u64>) -> Answer {
        let (sender, receiver) = mpsc::unbounded_channel();
        match from {
            Some(from) if from < self.oldest => {
                let gone =
                    json!({ "type": "ERROR", "object": status(410, "Expired", "too old resource version") });
                sender.send(format!("{gone}\n")).unwrap();
                return stream(receiver);
            }
            Some(from) => {
                for (version, what, place, object) in &self.log {
                    if *version > from && selection.has(place, object) {
                        sender.send(line(what, object)).unwrap();
                    }
                }
            }
            None => {
                for (place, object) in &self.objects {
                    if selection.has(place, object) {
                        sender.send(line("ADDED", object)).unwrap();
                    }
                }
                let end = json!({ "type": "BOOKMARK", "object": {
                    "apiVersion": "v1", "kind": "Bookmark",
                    "metadata": {
                        "resourceVersion": self.version.to_string(),
                        "annotations": { "k8s.io/initial-events-end": "true" },
                    },
                }});
                sender.send(format!("{end}\n")).unwrap();
            }
        }
        self.watches.push((selection, sender));
        stream(receiver)
    }

    fn write(&mut self, asked: &Asked, place: &Place, subresource: Option<&str>) -> Answer {
        if let Some(intruder) = self.intruder.take() {
            self.put(intruder);
        }
        if let Some(message) = self.refusals.why(asked) {
            return failure(403, "Forbidden", &message);
        }
        if !can_have_cluster_ips(&asked.body) {
            return failure(422, "Invalid", "the provided IP is not in the valid range");
        }
        let given = asked.body["metadata"]["resourceVersion"].as_str();
        let live = self.objects.get(place).cloned();
        let conflicts =
            |live: &Value| given.is_some_and(|given| live["metadata"]["resourceVersion"] != given);
        let written = match (&asked.method, live) {
            (&Method::POST, _) => {
                let created = created(asked.body.clone(), &place.namespace, self.version);
                if self.objects.contains_key(&place_of(&created)) {
                    return failure(409, "AlreadyExists", "already exists");
                }
                created
            }
            (_, Some(live)) if conflicts(&live) => {
                return failure(409, "Conflict", "the object has been modified");
            }
            (&Method::PUT, Some(mut live)) => match subresource {
                Some(part) => {
                    live[part] = asked.body[part].clone();
                    live
                }
                None => asked.body.clone(),
            },
            // Server-side apply by a single owner of all that it applies.
            (&Method::PATCH, Some(mut live)) => {
                for (key, value) in asked.body.as_object().unwrap() {
                    if key != "metadata" {
                        live[key] = value.clone();
                    }
                }
                for key in ["labels", "annotations"] {
                    if let Some(value) = asked.body["metadata"].get(key) {
                        live["metadata"][key] = value.clone();
                    }
                }
                live
            }
            (&Method::PATCH, None) if !asked.body["metadata"]["uid"].is_null() => {
                return failure(409, "Conflict", "uid mismatch: no existing object was found");
            }
            (&Method::PATCH, None) if subresource.is_none() => asked.body.clone(),
            (&Method::DELETE, Some(live)) => {
                self.objects.remove(place);
                self.version += 1;
                self.tell("DELETED", place, live.clone());
                return answer(StatusCode::OK, live.to_string().into_bytes());
            }
            _ => return failure(404, "NotFound", "not found"),
        };
        answer(StatusCode::OK, self.put(written).to_string().into_bytes())
    }
}

impl Selection {
    fn has(&self, place: &Place, object: &Value) -> bool {
        let here = self.namespace.is_empty() || self.namespace == place.namespace;
        let chosen = self.fields.as_ref().is_none_or(|fields| {
            let (field, value) = fields.split_once('=').unwrap();
            object.pointer(&format!("/{}", field.replace('.', "/"))).is_some_and(|found| found == value)
        });
        place.collection == self.collection && here && chosen
    }
}

fn line(what: &str, object: &Value) -> String {
    format!("{}\n", json!({ "type": what, "object": object }))
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn failure(code: u16, reason: &str, message: &str) -> Answer {
    answer(StatusCode::from_u16(code).unwrap(), status(code, reason, message).to_string().into_bytes())
}

fn answer(status: StatusCode, body: Vec<u8>) -> Answer {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).body(body).unwrap()
}

fn stream(receiver: mpsc::UnboundedReceiver<String>) -> Answer {
    let frames = futures::stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((Ok(Frame::data(Bytes::from(line))), receiver))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}
