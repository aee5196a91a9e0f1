// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/** Sends through an overlay what users would send. */
public final class Traffic {
    private static final int MILLIS = Limit.millis(60);

    private Traffic() {}

    /** Sends bytes by TCP. Fails unless all arrive unchanged. */
    public static void tcp(Host from, Host to, String address, int bytes) {
        byte[] sent = new byte[bytes];
        new Random(bytes).nextBytes(sent);
        try (ServerSocket server = to.call(() -> new ServerSocket(0, 1, InetAddress.getByName(address)))) {
            server.setSoTimeout(MILLIS);
            CompletableFuture<byte[]> received = CompletableFuture.supplyAsync(() -> {
                try (Socket socket = server.accept()) {
                    socket.setSoTimeout(MILLIS);
                    return socket.getInputStream().readAllBytes();
                } catch (IOException e) {
                    throw new AssertionError("TCP from " + from.name + " to " + address, e);
                }
            });
            try (Socket socket = from.call(Socket::new)) {
                // Java creates the kernel's socket at connect or bind, so this creates it in the sender's namespace.
                from.call(() -> {
                    socket.connect(server.getLocalSocketAddress(), MILLIS);
                    return null;
                });
                try (OutputStream out = socket.getOutputStream()) {
                    out.write(sent);
                }
            }
            assertThat(Arrays.equals(received.join(), sent)).as("TCP bytes").isTrue();
        } catch (IOException e) {
            throw new AssertionError("TCP from " + from.name + " to " + address, e);
        }
    }

    /** Sends datagrams of 1 to 1,396 bytes there and back, one after the other. Fails unless each returns unchanged. */
    public static void udp(Host from, Host to, String address) {
        InetSocketAddress any = new InetSocketAddress(0);
        try (DatagramSocket server = to.call(() -> new DatagramSocket(new InetSocketAddress(address, 0)));
                DatagramSocket client = from.call(() -> new DatagramSocket(any))) {
            CompletableFuture.runAsync(() -> {
                byte[] buffer = new byte[2000];
                try {
                    while (true) {
                        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                        server.receive(packet);
                        server.send(packet);
                    }
                } catch (IOException e) {
                    // The socket was closed: the test is over.
                }
            });
            client.setSoTimeout(Limit.millis(5));
            Random random = new Random(1);
            for (int size = 1; size <= 1396; size += 31) {
                byte[] sent = new byte[size];
                random.nextBytes(sent);
                client.send(new DatagramPacket(sent, size, server.getLocalSocketAddress()));
                DatagramPacket back = new DatagramPacket(new byte[2000], 2000);
                try {
                    client.receive(back);
                } catch (SocketTimeoutException e) {
                    throw new AssertionError("UDP datagram of " + size + " bytes did not come back", e);
                }
                assertThat(Arrays.copyOf(back.getData(), back.getLength())).isEqualTo(sent);
            }
        } catch (IOException e) {
            throw new AssertionError("UDP from " + from.name + " to " + address, e);
        }
    }

    /** Sends all kinds, both ways, over an overlay whose addresses end in .1 on a and .2 on b. */
    public static void everything(EspLab lab, String prefix) {
        String a = prefix + ".1";
        String b = prefix + ".2";
        assertThat(lab.loss(lab.a, b)).as("loss of pings from a").isZero();
        assertThat(lab.loss(lab.b, a)).as("loss of pings from b").isZero();
        assertThat(lab.loss(lab.a, b, 0)).as("loss of tiny pings").isZero();
        assertThat(lab.loss(lab.a, b, 1372)).as("loss of 1,400-byte packets").isZero();
        assertThat(lab.loss(lab.b, a, 1396))
                .as("loss of packets as large as the overlay's MTU")
                .isZero();
        tcp(lab.a, lab.b, b, 1_500_000);
        tcp(lab.b, lab.a, a, 1_500_000);
        udp(lab.a, lab.b, b);
    }
}
