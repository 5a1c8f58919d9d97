//! Gateways.

use super::addresses::{self, Binds, Requested, port_of};
use super::assigned::{Entry, Foreign};
use super::authorities::Bundles;
use super::backends::Known;
use super::certificates::Certificates;
use super::claims::{Claims, Rank};
use super::class::{self, owner};
use super::frontend::{self, Validations};
use super::grants::References;
use super::identity::Identity;
use super::ingress_classes::{self, IngressClasses};
use super::listeners::{self, Context, Listener, Owner};
use super::options::{Options, Place};
use super::parameters::{self, Resolved};
use super::ports::Ports;
use super::reached::Reached;
use super::run::Head;
use super::sets::{self, Door, ListenerSet};
use super::verdict::{
    GatewayAccepted, GatewayInsecureValidation, GatewayResolvedRefs, ListenerAccepted, NotHonoured,
    SetAccepted, Verdict,
};
use crate::api::gateway;
use crate::api::ingress::is_of_class;
use crate::api::{Kind, ObjectId, Optional};
use crate::convert::Parameters;
use crate::convert::unsupported::{self, Effect};
use crate::index::Index;
use crate::infra::{Address, Claim};
use crate::model::{BindAddress, Certificate, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A Gateway of this controller with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Which state of the object this is about.
    pub head: Head,
    /// Creation time in seconds: of two Gateways that want one socket the older gets it.
    pub created: i64,
    /// By what clients reach it; nothing if it is not accepted.
    pub reached: Reached,
    /// What it says of its addresses; nothing if that cannot be understood.
    pub asked: Vec<Entry>,
    /// Whether its status has a place for from where an address can be reached.
    pub tells_routability: bool,
    /// What may be asked for in its name.
    pub requested: Requested,
    /// The ports of the pods that it needs; none without pods.
    pub claims: BTreeSet<Claim>,
    /// Whether it produces any configuration.
    pub accepted: Verdict<GatewayAccepted>,
    /// Whether all of its references lead somewhere.
    pub resolved_refs: Verdict<GatewayResolvedRefs>,
    /// What backends with TLS are shown, if there is to be something and it can be had.
    pub client_certificate: Option<Arc<Certificate>>,
    /// Set while clients are let in without a good certificate.
    pub insecure: Option<Verdict<GatewayInsecureValidation>>,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// Its own and its class's; the defaults if they cannot be used.
    pub parameters: Parameters,
    /// Its own in the order of the spec, then those of the ListenerSets in the order of precedence.
    pub listeners: Vec<Listener>,
    /// The ListenerSets that name it.
    pub sets: BTreeMap<ObjectKey, ListenerSet>,
    /// Whether it takes ListenerSets of any namespace.
    pub takes_sets: bool,
}

/// A Gateway that is this controller's, or why it is not.
pub(super) enum Judged {
    Ours(Box<Gateway>),
    Foreign(String),
    Gone,
}

/// Looks at a Gateway by itself: which sockets it gets is left to [`Gateway::settle`].
pub(super) fn judge(
    index: &Index,
    options: &Options,
    ports_given: &Ports,
    (certificates, bundles): (&mut Certificates, &mut Bundles),
    (classes, known): (&IngressClasses, Known<'_>),
    key: &ObjectKey,
) -> Judged {
    let Some(wire) = classes.gateway(key).or_else(|| index.get::<gateway::Gateway>(key)) else {
        return judge_broken(index, options, key);
    };
    let resolved = match owner_of(index, options, key, wire) {
        class::Owner::Us(class) => parameters::of_gateway(index, &key.namespace, wire, *class),
        class::Owner::UsButRefused(why) => Err(why),
        class::Owner::NotUs(why) => return Judged::Foreign(why),
    };
    let (Resolved { parameters, found: of_parameters, .. }, refused_parameters) = match resolved {
        Ok(resolved) => (resolved, None),
        Err(why) => (Resolved::default(), Some(Verdict::new(GatewayAccepted::InvalidParameters, why))),
    };
    let found = unsupported::find(Kind::Gateway, &**wire);
    let head = Head::of(&wire.metadata);
    let asked = refused_parameters.map_or_else(|| addresses::asked(&wire.spec, &options.place), Err);
    let binds = asked
        .as_ref()
        .ok()
        .map(|asked| Binds::new(asked, &options.place, ports_given.allocation(), (key, &head.uid)));
    let settings = Arc::new(parameters.listeners.clone());
    let references = References { index, options };
    let validations = Validations::find(references, bundles, &key.namespace, &wire.spec);
    let identity = Identity::find(references, certificates, &key.namespace, &wire.spec);
    let context = Context {
        references,
        key,
        gateway: wire,
        found: &found,
        binds: binds.as_ref(),
        validations: &validations,
        client_certificate: identity.shown.as_ref(),
        settings,
        known,
    };
    let door = Door::new(index, key, &wire.spec);
    let (listeners, sets) = judge_listeners(&context, &door, certificates);
    let claims_of = |listeners: &[Listener]| {
        find_claims(&options.place, ports_given, binds.as_ref(), &head.uid, listeners)
    };
    let claims = claims_of(&listeners);
    let reached = match (&asked, &binds) {
        (Ok(asked), Some(binds)) => {
            // A port that a ListenerSet waits for does not make the Gateway wait.
            let own = Some(claims_of(own(&listeners))).filter(|own| !own.is_empty());
            let needed = own.as_ref().unwrap_or(&claims);
            Reached::find(index, ports_given, binds, (asked, parameters.service.type_), wire, needed)
        }
        _ => Reached::default(),
    };
    let (accepted, asked) = match asked {
        Ok(asked) => (Verdict::good(GatewayAccepted::Accepted), asked),
        Err(verdict) => (verdict, Vec::new()),
    };
    let gateways = found.iter().filter(|found| !listeners::is_listeners(found));
    let told = gateways.chain(&of_parameters).filter(|found| {
        found.field.effect == Effect::Told
            || found.field.effect == Effect::ToldStandalone && !options.makes_infrastructure()
    });
    Judged::Ours(Box::new(Gateway {
        head,
        created: created(&wire.metadata),
        reached,
        asked,
        tells_routability: index.is_served(Optional::ADDRESS_ROUTABILITY),
        requested: Requested::default(),
        claims,
        accepted,
        resolved_refs: identity.unresolved.unwrap_or(Verdict::good(GatewayResolvedRefs::ResolvedRefs)),
        client_certificate: identity.certificate,
        insecure: frontend::insecure(&wire.spec),
        not_honoured: super::not_honoured(told),
        parameters,
        listeners,
        sets,
        takes_sets: door.is_open(),
    }))
}

/// Whose the Gateway is; that of an IngressClass is made only for this controller's.
fn owner_of(index: &Index, options: &Options, key: &ObjectKey, wire: &gateway::Gateway) -> class::Owner {
    if !is_of_class(key) {
        return owner(index, options, &wire.spec.gateway_class_name);
    }
    match ingress_classes::parameters(index, options, key) {
        Ok(parameters) => class::Owner::Us(Box::new(parameters)),
        Err(why) => class::Owner::UsButRefused(why),
    }
}

/// Those that are the Gateway's own.
fn own(listeners: &[Listener]) -> &[Listener] {
    let end = listeners.partition_point(|listener| listener.admission.listener.set.is_none());
    listeners.get(..end).unwrap_or_default()
}

/// The ports of the pods that listeners need, or while the Gateway is not accepted those that they had.
fn find_claims(
    place: &Place,
    ports_given: &Ports,
    binds: Option<&Binds<'_>>,
    uid: &Arc<str>,
    listeners: &[Listener],
) -> BTreeSet<Claim> {
    let port = |listener: &Listener| Some(port_of(listener.protocol?, listener.admission.port));
    match binds {
        Some(binds) => {
            let served = listeners.iter().filter(|listener| listener.served.is_some());
            binds.claims(served.filter_map(port))
        }
        None => addresses::held(place, ports_given.allocation(), uid, listeners.iter().filter_map(port)),
    }
}

/// The listeners of the Gateway and of the ListenerSets that it takes, and all sets that name it.
fn judge_listeners(
    context: &Context<'_>,
    door: &Door<'_>,
    certificates: &mut Certificates,
) -> (Vec<Listener>, BTreeMap<ObjectKey, ListenerSet>) {
    let (taken, others) = door.sort(sets::naming(context.references.index, context.key));
    let own = Owner {
        kind: Kind::Gateway,
        key: context.key,
        listeners: &context.gateway.spec.listeners,
        found: context.found,
    };
    let of_sets = taken.iter().map(|set| Owner {
        kind: Kind::ListenerSet,
        key: set.key,
        listeners: &set.wire.spec.listeners,
        found: &set.found,
    });
    let owners: Vec<_> = std::iter::once(own).chain(of_sets).collect();
    let mut all: BTreeMap<_, _> = others.into_iter().collect();
    let mut first = context.gateway.spec.listeners.len();
    for set in &taken {
        let places = first..first + set.wire.spec.listeners.len();
        first = places.end;
        all.insert(set.key.clone(), set.found(places));
    }
    (listeners::judge(context, &owners, certificates), all)
}

pub(super) fn created(metadata: &crate::api::ObjectMeta) -> i64 {
    metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second())
}

fn judge_broken(index: &Index, options: &Options, key: &ObjectKey) -> Judged {
    let Some(broken) = index.why_broken(&ObjectId { kind: Kind::Gateway, key: key.clone() }) else {
        return Judged::Gone;
    };
    match owner(index, options, broken.gateway_class_name().unwrap_or_default()) {
        class::Owner::NotUs(why) => Judged::Foreign(format!("{why}; {}", broken.message())),
        class::Owner::Us(_) | class::Owner::UsButRefused(_) => Judged::Ours(Box::new(Gateway {
            head: Head::of_broken(broken),
            created: 0,
            reached: Reached::default(),
            asked: Vec::new(),
            tells_routability: false,
            requested: Requested::default(),
            claims: BTreeSet::new(),
            accepted: Verdict::new(GatewayAccepted::Invalid, broken.message()),
            resolved_refs: Verdict::good(GatewayResolvedRefs::ResolvedRefs),
            client_certificate: None,
            insecure: None,
            not_honoured: None,
            parameters: Parameters::default(),
            listeners: Vec::new(),
            sets: sets::naming(index, key)
                .iter()
                .map(|set| (set.key.clone(), set.without_listeners(Verdict::good(SetAccepted::Accepted))))
                .collect(),
            takes_sets: false,
        })),
    }
}

impl Gateway {
    /// The listeners that are its own.
    pub fn own_listeners(&self) -> &[Listener] {
        own(&self.listeners)
    }

    /// The listeners of a ListenerSet that it takes.
    pub fn listeners_of(&self, set: &ListenerSet) -> &[Listener] {
        self.listeners.get(set.listeners.clone()).unwrap_or_default()
    }

    /// The listeners of the Gateway itself or of a ListenerSet on it.
    pub fn listeners_in(&self, owner: &ObjectId) -> &[Listener] {
        match owner.kind {
            Kind::ListenerSet => {
                self.sets.get(&owner.key).map(|set| self.listeners_of(set)).unwrap_or_default()
            }
            _ => self.own_listeners(),
        }
    }

    /// How many ListenerSets are attached to it.
    pub fn count_sets(&self) -> usize {
        self.sets.values().filter(|set| set.accepted.holds()).count()
    }

    /// The sockets that its listeners want.
    pub(super) fn wanted_sockets(&self) -> BTreeMap<BindAddress, Rank> {
        let rank = Rank::Has(self.created);
        self.listeners
            .iter()
            .filter_map(|listener| listener.served.as_ref())
            .flat_map(|served| served.binds.clone())
            .map(|socket| (socket, rank))
            .collect()
    }

    /// The addresses that were given to it or that it asks for.
    pub(super) fn wanted_addresses(&self) -> BTreeMap<Address, Rank> {
        if self.claims.is_empty() {
            return BTreeMap::new();
        }
        // Who can no longer get what it asks for keeps it from nobody.
        let asked = self.asked.iter().filter(|entry| self.reached.may_have(entry));
        let asked = asked.filter_map(|entry| entry.value.clone());
        let asks = asked.map(|address| (address, Rank::Asks(self.created)));
        let has = self.reached.all().into_iter().map(|address| (address, Rank::Has(self.created)));
        asks.chain(has).collect()
    }

    /// Takes away the listeners whose sockets another Gateway has, and sums up.
    pub(super) fn settle(
        mut self,
        key: &ObjectKey,
        sockets: &Claims<BindAddress>,
        addresses: &Claims<Address>,
    ) -> Self {
        for listener in &mut self.listeners {
            let binds = listener.served.iter().flat_map(|served| &served.binds);
            let taken = binds.filter_map(|socket| Some((*socket, sockets.owner(socket)?)));
            let taken = taken.into_iter().find(|(_, owner)| *owner != key);
            if let Some((socket, owner)) = taken {
                let message = if self.claims.is_empty() {
                    format!(
                        "{socket} belongs to Gateway {owner}, which is older: every Gateway needs an address \
                         or ports of its own (spec.addresses, spec.listeners[].port)"
                    )
                } else {
                    let port = socket.address.port();
                    format!(
                        "port {port} of the pods was given to Gateway {owner} too, which is older; another is due"
                    )
                };
                listener.accepted = Verdict::new(ListenerAccepted::PortUnavailable, message);
                listener.served = None;
                listener.certificates.clear();
            }
        }
        self.settle_addresses(key, addresses);
        self.sum_up(key);
        self
    }

    /// An address that another Gateway has is not asked for: a load balancer that gave it would
    /// take the other's clients away.
    fn settle_addresses(&mut self, key: &ObjectKey, addresses: &Claims<Address>) {
        let foreign = self.asked.iter().enumerate().filter_map(|(index, entry)| {
            let owner = addresses.owner(entry.value.as_ref()?)?;
            (owner != key).then(|| (index, owner.clone()))
        });
        let foreign: Foreign = foreign.collect();
        self.requested = Requested::new(&self.asked, &foreign);
        self.reached.assign(&self.asked, &foreign);
    }

    /// Draws the Gateway's verdicts from those of its listeners.
    fn sum_up(&mut self, key: &ObjectKey) {
        let refused = format!("Gateway {key} is not accepted: {}", self.accepted.message);
        let refused = (!self.accepted.holds()).then_some(&*refused);
        for set in self.sets.values_mut() {
            set.sum_up(&self.listeners, refused);
        }
        let own = self.own_listeners();
        let names = |bad: &dyn Fn(&Listener) -> bool| {
            let bad = own.iter().filter(|listener| bad(listener));
            bad.map(|listener| listener.admission.listener.name.to_string()).collect::<Vec<_>>()
        };
        let refused = names(&|listener| !listener.accepted.holds());
        let unresolved = names(&|listener| !listener.resolved_refs.holds());
        if self.accepted.reason == GatewayAccepted::Accepted && !refused.is_empty() {
            let all = refused.len() == own.len() && self.count_sets() == 0;
            let reason =
                if all { GatewayAccepted::NoListenerValid } else { GatewayAccepted::SomeListenersNotValid };
            let message = format!("not accepted: listener {}", refused.join(", "));
            self.accepted = Verdict::new(reason, message);
        }
        if !unresolved.is_empty() {
            let message = format!("a reference leads nowhere in listener {}", unresolved.join(", "));
            if self.resolved_refs.holds() {
                self.resolved_refs = Verdict::new(GatewayResolvedRefs::ListenersNotResolved, message);
            } else {
                self.resolved_refs.message.push_str(&format!("; {message}"));
            }
        }
    }
}
