use super::*;
use crate::proxy::udp::socket::{connect, open};
use std::net::UdpSocket as Plain;

/// Waits for so many datagrams from clients, by batches.
async fn take(batch: &mut Batch, socket: &UdpSocket, wanted: usize) -> Vec<(Client, Vec<u8>)> {
    let mut all = Vec::new();
    while all.len() < wanted {
        socket.readable().await.unwrap();
        let is_v6 = socket.local_addr().unwrap().is_ipv6();
        let Ok(count) = batch.receive_from_clients(socket, is_v6) else { continue };
        all.extend((0..count).map(|index| {
            let data = datagram(&batch.bytes, &batch.received, index).to_vec();
            (batch.received[index].client.unwrap(), data)
        }));
    }
    all
}

#[tokio::test]
async fn a_batch_tells_who_sent_what_to_which_address() {
    let mut batch = Batch::new();
    let socket = open("0.0.0.0:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let clients = [Plain::bind("127.0.0.1:0").unwrap(), Plain::bind("127.0.0.1:0").unwrap()];
    for (client, data, ip) in [(0, "a", [127, 0, 0, 1]), (0, "", [127, 0, 0, 1]), (1, "b", [127, 4, 5, 6])] {
        clients[client].send_to(data.as_bytes(), (Ipv4Addr::from(ip), port)).unwrap();
    }
    let from = |client: usize, asked: [u8; 4]| Client {
        address: clients[client].local_addr().unwrap(),
        asked: Some(Ipv4Addr::from(asked).into()),
    };
    let (first, second) = (from(0, [127, 0, 0, 1]), from(1, [127, 4, 5, 6]));
    let wanted = [(first, b"a".to_vec()), (first, Vec::new()), (second, b"b".to_vec())];
    assert_eq!(take(&mut batch, &socket, 3).await, wanted);
    assert_eq!(batch.run(0), Some((first, 2)));
    assert_eq!(batch.run(2), Some((second, 1)));
    assert_eq!(batch.run(3), None);
    assert_eq!(batch.bytes(0..3), 2);

    batch.reply(&socket, 0, &second).unwrap();
    let mut room = [0; 8];
    let (length, replier) = clients[1].recv_from(&mut room).unwrap();
    assert_eq!((&room[..length], replier), (&b"a"[..], (Ipv4Addr::new(127, 4, 5, 6), port).into()));
}

#[tokio::test]
async fn ipv6_has_its_own_addresses() {
    let mut batch = Batch::new();
    let socket = open("[::]:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let client = Plain::bind("[::1]:0").unwrap();
    client.send_to(b"hello", (Ipv6Addr::LOCALHOST, port)).unwrap();
    let from = Client { address: client.local_addr().unwrap(), asked: Some(Ipv6Addr::LOCALHOST.into()) };
    assert_eq!(take(&mut batch, &socket, 1).await, [(from, b"hello".to_vec())]);
    batch.reply(&socket, 0, &from).unwrap();
    let mut room = [0; 8];
    let (length, replier) = client.recv_from(&mut room).unwrap();
    assert_eq!((&room[..length], replier), (&b"hello"[..], (Ipv6Addr::LOCALHOST, port).into()));
}

/// What the kernel leaves in the headers of one batch does not spoil the next ones.
#[tokio::test]
async fn headers_can_be_used_again() {
    let mut batch = Batch::new();
    let socket = open("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let client = Plain::bind("127.0.0.1:0").unwrap();
    for round in 0..3_u8 {
        for number in 0..40_u8 {
            client.send_to(&[round, number], address).unwrap();
        }
        let all = take(&mut batch, &socket, 40).await;
        assert!(all.iter().all(|(from, _)| from.asked == Some(address.ip())), "{all:?}");
        let numbers: Vec<_> = all.into_iter().map(|(_, data)| data).collect();
        assert_eq!(numbers, (0..40).map(|number| vec![round, number]).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_goes_on_in_one_piece() {
    let mut batch = Batch::new();
    let socket = open("127.0.0.1:0".parse().unwrap()).unwrap();
    let (client, target) = (Plain::bind("127.0.0.1:0").unwrap(), Plain::bind("127.0.0.1:0").unwrap());
    let towards = connect(target.local_addr().unwrap()).unwrap();
    for number in 0..3_u8 {
        client.send_to(&vec![number; 1000 * usize::from(number)], socket.local_addr().unwrap()).unwrap();
    }
    assert_eq!(take(&mut batch, &socket, 3).await.len(), 3);
    assert_eq!(batch.send(&towards, 0..3).unwrap(), 3);
    let mut room = [0; 4000];
    for number in 0..3_u8 {
        let (length, from) = target.recv_from(&mut room).unwrap();
        assert_eq!(room[..length], vec![number; 1000 * usize::from(number)]);
        assert_eq!(from.port(), towards.local_addr().unwrap().port());
    }
    target.send_to(b"back", towards.local_addr().unwrap()).unwrap();
    let ready = towards.ready(Interest::READABLE).await.unwrap();
    assert_eq!(batch.receive(&towards, ready).unwrap(), 1);
    assert_eq!(datagram(&batch.bytes, &batch.received, 0), b"back");
}

#[tokio::test]
async fn a_refusal_is_an_error_of_the_socket() {
    let mut batch = Batch::new();
    let nobody = Plain::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (socket, client) =
        (open("127.0.0.1:0".parse().unwrap()).unwrap(), Plain::bind("127.0.0.1:0").unwrap());
    client.send_to(b"a", socket.local_addr().unwrap()).unwrap();
    take(&mut batch, &socket, 1).await;
    let towards = connect(nobody).unwrap();
    assert_eq!(batch.send(&towards, 0..1).unwrap(), 1);
    let ready = towards.ready(Interest::READABLE | Interest::ERROR).await.unwrap();
    let error = batch.receive(&towards, ready).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}
