#!/usr/bin/env python3
"""Our own SMTP client: what libesmtp cannot (TLS from the first octet,
SCRAM-SHA-256, OAuth, one round trip a message), and every fault there."""

import email
import os
import re
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.cases import main  # noqa: E402
from harness.certificates import certificate  # noqa: E402
from harness.okapi import crlf, message  # noqa: E402
from test_relay_faults import OTHERWISE, Faulty  # noqa: E402
from test_spooler import ANNA, Relay, Sending  # noqa: E402

OAUTH = ("--auth", "anna:", "--auth-mechs", "XOAUTH2", "--token", "t0ken")
# As proc(5) has them.
IGNORED = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1


class Direct(Sending):
    def token_command(self, token="t0ken"):
        """A command that prints the token and counts how often it is run."""
        self.runs = os.path.join(self.directory(), "runs")
        path = self.runs + ".sh"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho run >> {self.runs}\necho {token}\n")
        os.chmod(path, 0o755)
        return f"{path} 'an argument'"

    def password(self, text="secret"):
        path = os.path.join(self.directory(), "password")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.chmod(path, 0o600)
        return path

    def once(self, relay, **settings):
        okapi = self.okapi_with(relay, **settings)
        self.send(message("x"), "x@example.org")
        return okapi.run("okapi-spooler", "-c", okapi.config, "--once")


class DirectFaults(Faulty, Direct):
    # A reply is read to its end, however long it is.
    otherwise = {**OTHERWISE, **{(verb, "flood"): "sent" for verb in (
        "AUTH", "MAIL", "RCPT", "DOT")}}
    window = ()

    def once(self, relay):
        return Faulty.once(self, relay)

    def direct_table(self, verb):
        self.table(verb, OAUTH, smtp_user="anna",
                   smtp_token_command=self.token_command())

    def test_auth(self):
        self.direct_table("AUTH")

    def test_mail(self):
        self.direct_table("MAIL")

    def test_rcpt(self):
        self.direct_table("RCPT")

    def test_data(self):
        self.direct_table("DATA")

    def test_dot(self):
        self.direct_table("DOT")

    def test_bdat(self):
        self.table("DOT", (*OAUTH, "--ext", "CHUNKING"), smtp_user="anna",
                   smtp_token_command=self.token_command())


class Unicode(Direct):
    def test_smtputf8_only_where_it_is_switched_on(self):
        for enable, taken in (("yes", ["jürgen@example.org"]), ("no", [])):
            with self.subTest(smtputf8_enable=enable):
                relay = Relay(self, options=OAUTH)
                okapi = self.okapi_with(
                    relay, smtp_user="anna", smtputf8_enable=enable,
                    smtp_token_command=self.token_command())
                self.send(message("x"), "-i", "jürgen@example.org")
                okapi.run("okapi-spooler", "-c", okapi.config, "--once")
                self.assertEqual([rcpt for e, _ in relay.messages()
                                  for rcpt in e["rcpts"]], taken)
                self.assertEqual(len(okapi.mails("anna", "Inbox")),
                                 1 - len(taken))


class Login(Direct):
    def test_mechanisms(self):
        for mechanism in ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                relay = Relay(self, options=(
                    "--auth", "anna:secret", "--auth-required",
                    "--auth-mechs", mechanism))
                result = self.once(relay, smtp_user="anna",
                                   smtp_password_file=self.password())
                self.assertEqual(result.status, 0, repr(result))
                (envelope, _), = relay.messages()
                self.assertEqual((envelope["auth"], envelope["mech"]),
                                 ("anna", mechanism))

    def test_scram_is_taken_where_it_is_offered(self):
        relay = Relay(self, options=("--auth", "a,b=c:secret", "--auth-mechs",
                                     "PLAIN SCRAM-SHA-256 LOGIN"))
        self.once(relay, smtp_user="a,b=c",
                  smtp_password_file=self.password())
        relay.close()
        self.assertIn("< AUTH SCRAM-SHA-256", relay.log())
        self.assertNotIn("< AUTH PLAIN", relay.log())
        self.assertEqual(len(relay.messages()), 1)

    def test_scram_takes_both_sides(self):
        for options, password, words in (
                ((), "wrong", "refused the login"),
                (("--liar",), "secret", "does not prove")):
            relay = Relay(self, options=(
                "--auth", "anna:secret", "--auth-mechs", "SCRAM-SHA-256",
                *options))
            result = self.once(relay, smtp_user="anna",
                               smtp_password_file=self.password(password))
            self.assertEqual(result.status, 75, repr(result))
            self.assertIn(words, result.err)
            self.assertNotIn("MAIL", relay.log())

    BOTH = "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS"

    def bound(self, *options, offered=BOTH, password="secret", times=1,
              attempts=1, retry="1h"):
        """The gs2 headers that a relay host with TLS saw; it takes a message
        in each of so many runs of one spooler, or refuses all."""
        cert, key = certificate(self.directory(), "IP:127.0.0.1")
        relay = Relay(self, options=(
            "--tls-cert", cert, "--tls-key", key, "--auth", "anna:secret",
            "--auth-tls-only", "--auth-mechs", offered, *options))
        okapi = self.okapi_with(
            relay, smtp_user="anna", queue_retry_min=retry,
            queue_retry_max="1h", smtp_password_file=self.password(password), smtp_tls="verify",
            smtp_tls_ca_file=cert)
        okapi.start_spooler()
        for i in range(times):
            # Another connection: the worker has nothing to do.
            self.send(message(f"m{i}"), "x@example.org")
            self.eventually("an attempt", lambda: all(
                e["recipients"][0]["attempts"] >= attempts
                for e in okapi.queue()))
        okapi.stop()
        self.relay = relay
        self.left = len(okapi.queue())
        return re.findall(r"\(gs2 header ([^)]*)\)", relay.log())

    def test_scram_is_bound_to_its_tls(self):
        """As its version of TLS has it, and the relay host checks; one that
        offers no PLUS is told that we could."""
        for options, offered, header in (
                (("--tls-12",), self.BOTH, "p=tls-unique,,"),
                (("--tls-12",), "SCRAM-SHA-256", "y,,"),
                ((), "SCRAM-SHA-256", "y,,")):
            with self.subTest(f"{options} {offered}"):
                self.assertEqual(self.bound(*options, offered=offered),
                                 [header])
                mech = self.relay.messages()[0][0]["mech"]
                self.assertEqual(mech.endswith("PLUS"), "PLUS" in offered)

    def test_scram_that_cannot_be_bound(self):
        """By a type the relay host does not know, by one after the other; or
        because TLS ends before it.  Then without, which is said so ("n");
        and once it is known nothing is tried again."""
        new, old, point = (f"p=tls-{kind},," for kind in (
            "exporter", "unique", "server-end-point"))
        for options, headers in (
                ((), [new, point, point]),
                (("--tls-12", "--bindings", "tls-server-end-point"),
                 [old, point, point]),
                (("--bindings", "none"), [new, point, "n,,", "n,,"]),
                (("--bindings", "none", "--tell-errors"),
                 [new, point, "n,,", "n,,"]),
                (("--tls-12", "--tls-ends-before"), [old, "n,,", "n,,"]),
                (("--tls-12", "--tls-ends-before", "--tell-errors"),
                 [old, "n,,", "n,,"])):
            with self.subTest(options):
                self.assertEqual(self.bound(*options, times=2), headers)
                self.assertEqual(len(self.relay.messages()), 2)
                self.assertEqual(self.left, 0)

    def test_a_binding_is_not_blamed_for_a_wrong_password(self):
        """Where the relay host tells; else it is known in the end, and
        begins anew."""
        for options, headers in (
                (("--tls-12", "--tell-errors"), ["p=tls-unique,,"]),
                (("--tls-12",), ["p=tls-unique,,", "n,,"])):
            with self.subTest(options):
                self.assertEqual(self.bound(*options, password="wrong"),
                                 headers)
                self.assertNotIn("< AUTH PLAIN", self.relay.log())
                self.assertEqual(self.left, 1)

    def test_a_wrong_password_where_nothing_but_plus_is_offered(self):
        """It may be right the next time: so each begins anew."""
        headers = self.bound("--tls-12", offered="SCRAM-SHA-256-PLUS",
                             password="wrong", attempts=2, retry="1s")
        self.assertEqual(headers[:2], ["p=tls-unique,,"] * 2)
        self.assertEqual(set(headers), set(headers[:2]))
        for entry in self.okapi.queue():
            self.assertIn("535", entry["recipients"][0]["last_reply"])

    def test_tokens(self):
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            with self.subTest(mechanism):
                relay = Relay(self, options=(
                    *OAUTH, "--auth-mechs", f"PLAIN {mechanism}"))
                result = self.once(relay, smtp_user="anna",
                                   smtp_token_command=self.token_command())
                self.assertEqual(result.status, 0, repr(result))
                (envelope, _), = relay.messages()
                self.assertEqual(envelope["mech"], mechanism)
                self.assertNotIn("t0ken", result.err)

    def token_from(self, *lines):
        """The token that a program of these lines prints is taken."""
        path = os.path.join(self.directory(), "token")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.chmod(path, 0o755)
        self.okapi_with(Relay(self, options=OAUTH), smtp_user="anna",
                        smtp_token_command=path).start_spooler()
        self.send(message("x"), "x@example.org")
        self.queue_empties()

    def test_the_token_command_has_signals_of_its_own(self):
        """Not those that a daemon blocks (a shell would not show it)."""
        self.token_from(
            f"#!{sys.executable}", "import signal, sys",
            "blocked = signal.pthread_sigmask(0, ())",
            "print('t0ken' if not blocked else 'blocked')")

    def test_the_token_command_ignores_no_signal(self):
        """Python, which ignores these itself, would not show it."""
        self.token_from(
            "#!/bin/sh", "set -- $(grep ^SigIgn /proc/self/status)",
            f"[ $((0x$2 & {IGNORED})) = 0 ] && echo t0ken")

    def test_tokens_that_are_none(self):
        relay = Relay(self, options=OAUTH)
        for command, words in ((self.token_command("old"),
                                "refused the login"),
                               ("false", "gives no token"),
                               ("/no/such/program", "smtp_token_command")):
            result = self.once(relay, smtp_user="anna",
                               smtp_token_command=command)
            self.assertEqual(result.status, 75, repr(result))
            self.assertIn(words, result.err)

    def test_nobody_logs_in_where_nothing_vouches_for_the_relay(self):
        """Over loopback anybody may; so this one has another address."""
        cert, key = certificate(self.directory(), "DNS:other.test")
        relay = Relay(self, options=(
            "--host", "0.0.0.0", "--tls-cert", cert, "--tls-key", key,
            "--auth", "anna:secret", "--auth-mechs", "PLAIN CRAM-MD5"))
        address = own_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        settings = {"smtp_server": f"{address}:{relay.port}",
                    "smtp_user": "anna", "smtp_tls": "required",
                    "smtp_password_file": self.password()}
        result = self.once(relay, **settings)
        self.assertEqual(result.status, 75, repr(result))
        self.assertIn("nothing vouches", result.err)
        self.assertNotIn("< AUTH", relay.log())
        result = self.once(relay, smtp_auth_unverified="yes", **settings)
        self.assertEqual(result.status, 0, repr(result))


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return None


class Routes(Direct):
    def test_each_sender_takes_its_relay(self):
        relays = {name: Relay(self, options=options) for name, options in (
            ("anna", ("--auth", "a:a secret", "--auth-required")),
            ("domain", OAUTH), ("rest", ()))}
        table = self.sender_table(
            "# sender relay user password", "",
            f"ANNA@okapi.test 127.0.0.1:{relays['anna'].port} a a secret",
            f"@okapi.test\t127.0.0.1:{relays['domain'].port} anna "
            f"|{self.token_command()}", mode=0o644)
        settings = {"smtp_sender_table": table}
        result = self.once(relays["rest"], **settings)
        self.assertEqual(result.status, 78, repr(result))
        self.assertIn("chmod 600", result.err)
        os.chmod(table, 0o600)
        okapi = self.okapi_with(relays["rest"], **settings)
        okapi.start_spooler()
        for i in range(3):
            for sender in ("anna@okapi.test", "Anna@other.test",
                           "bert@okapi.test"):
                self.send(message(f"{sender} {i}"), "-f", sender,
                          "x@example.org")
        self.queue_empties()
        for name, sender in (("anna", "anna@okapi.test"),
                             ("domain", "bert@okapi.test"),
                             ("rest", "Anna@other.test")):
            self.assertEqual([e["mail"] for e, _ in relays[name].messages()],
                             [sender] * 3)

    def test_a_redirect_goes_by_the_sender_it_goes_under(self):
        """Where sender_rewrite gives it another, that one's relay host is
        asked; one that is nobody's in the table has the rest's."""
        relays = {name: Relay(self) for name in ("account", "bert", "rest")}
        table = self.sender_table(*(
            f"{who} 127.0.0.1:{relays[name].port}" for who, name in (
                ("account@provider.example", "account"),
                ("bert@okapi.test", "bert"))))
        okapi = self.okapi_with(relays["rest"], smtp_sender_table=table)
        rewrite = os.path.join(self.directory(), "rewrite")
        with open(rewrite, "w", encoding="ascii") as file:
            file.write("bert@okapi.test account@provider.example\n")
        okapi.configure(sender_rewrite=rewrite)
        okapi.must("rule", "put", "anna", "all", "-",
                   input='redirect "x@example.org";')
        for sender in ("bert@okapi.test", "carol@example.org"):
            done = okapi.deliver(message(sender), "--sender", sender, "anna")
            self.assertEqual(done.status, 0, repr(done))
        okapi.start_spooler()
        self.queue_empties()
        self.assertEqual(
            {name: [e["mail"] for e, _ in relay.messages()]
             for name, relay in relays.items()},
            {"account": ["account@provider.example"], "bert": [],
             "rest": ["carol@example.org"]})

    def test_a_route_that_is_down_stops_no_other(self):
        relay = Relay(self)
        table = self.sender_table("bert@okapi.test 127.0.0.1:9")
        okapi = self.okapi_with(relay, smtp_sender_table=table,
                                queue_retry_min="1h", queue_retry_max="1h")
        okapi.start_spooler()
        for i in range(6):
            self.send(message(f"m{i}"), "-f", ("bert" if i % 2 else "anna")
                      + "@okapi.test", "x@example.org")
        self.eventually("the others", lambda: len(relay.messages()) == 3)
        self.eventually("those wait", lambda: [
            e["recipients"][0]["attempts"] for e in okapi.queue()] == [1] * 3)
        for line in okapi.spooler.text().splitlines():
            if " relay queue=" in line:
                self.assertIn("relay=127.0.0.1:" + (
                    "9 " if "from=bert" in line else f"{relay.port} "), line)

    def hanging_route(self):
        """40 messages for a relay host that hangs, and a session left."""
        hangs, relay = Relay(self, "CONNECT=hang"), Relay(self)
        table = self.sender_table(f"bert@okapi.test 127.0.0.1:{hangs.port}")
        okapi = self.okapi_with(relay, smtp_sender_table=table,
                                smtp_max_sessions=3)
        okapi.start_spooler()
        for i in range(40):
            self.send(message(f"b{i}"), "-f", "bert@okapi.test",
                      "x@example.org")
        self.eventually("its sessions", lambda: sum(
            e["state"] == "sending" for e in okapi.queue()) >= 2)
        return relay

    def others_go(self, relay):
        for i in range(3):
            self.send(message(f"m{i}"), "x@example.org")
            self.eventually("the other's", lambda n=i: len(
                relay.messages()) == n + 1)
        self.okapi.spooler.kill()  # a stop would wait for what hangs

    def test_a_route_that_hangs_leaves_a_session_to_the_others(self):
        self.others_go(self.hanging_route())

    def test_what_hangs_still_counts_after_a_reload(self):
        relay = self.hanging_route()
        self.okapi.configure(queue_retry_max="2h")
        os.kill(self.okapi.spooler.pid, 1)
        self.okapi.spooler.wait_for("reloaded")
        time.sleep(0.5)  # the session that is left looks for work
        self.others_go(relay)

    def test_a_route_that_hangs_under_way_holds_nothing_of_others(self):
        """A session that goes on claims mail of its own route only."""
        hangs = Relay(self, "RCPT:slow@*=delay 0.5", "RCPT:hangs@*=hang")
        relay = Relay(self, "RCPT:slow@*=delay 1")
        table = self.sender_table(f"bert@okapi.test 127.0.0.1:{hangs.port}")
        okapi = self.okapi_with(relay, smtp_sender_table=table,
                                smtp_max_sessions=4)
        for sender, to in (*[("bert", "slow")] * 3, ("anna", "slow"),
                           *[("anna", "x"), ("bert", "hangs")] * 3):
            self.send(message("m"), "-f", f"{sender}@okapi.test",
                      f"{to}@example.org")
        okapi.start_spooler()
        self.eventually("the others", lambda: len(relay.messages()) == 4)
        okapi.spooler.kill()  # a stop would wait for what hangs

    def test_a_table_that_is_none(self):
        relay = Relay(self)
        for line in ("anna@okapi.test", "anna relay.test",
                     "@x relay.test user", "@x relay.test:nought"):
            table = self.sender_table("# one", line)
            result = self.once(relay, smtp_sender_table=table)
            self.assertEqual(result.status, 78, repr(result))
            self.assertIn("table:2", result.err)


class Tls(Direct):
    def test_tls_from_the_first_octet(self):
        good = certificate(self.directory(), "IP:127.0.0.1")
        other = certificate(self.directory(), "DNS:other.test")
        for cert, level, status in ((good, "verify", 0), (other, "verify", 75),
                                    (other, "opportunistic", 0)):
            relay = Relay(self, options=("--tls-implicit", "--tls-cert",
                                         cert[0], "--tls-key", cert[1]))
            result = self.once(relay, smtp_tls=level,
                               smtp_tls_ca_file=good[0],
                               smtp_server=f"smtps://127.0.0.1:{relay.port}")
            self.assertEqual(result.status, status, repr(result))
            self.assertEqual(len(relay.messages()), 1 if status == 0 else 0)

    def test_clear_text_where_tls_is_wanted_is_not_spoken(self):
        relay = Relay(self)
        result = self.once(relay, smtp_tls="opportunistic", smtp_timeout="1s",
                           smtp_server=f"smtps://127.0.0.1:{relay.port}")
        self.assertEqual(result.status, 75, repr(result))
        self.assertIn("no TLS", result.err)
        self.assertEqual(relay.messages(), [])

    def test_certificate_of_ours(self):
        server = certificate(self.directory(), "IP:127.0.0.1")
        ours = certificate(self.directory(), "DNS:us.test")
        for scheme, more in (("", ()), ("smtps://", ("--tls-implicit",))):
            relay = Relay(self, options=(
                "--tls-cert", server[0], "--tls-key", server[1],
                "--tls-client-ca", ours[0], *more))
            settings = {"smtp_tls": "verify", "smtp_tls_ca_file": server[0],
                        "smtp_server": f"{scheme}127.0.0.1:{relay.port}"}
            result = self.once(relay, **settings)
            self.assertEqual(result.status, 75, repr(result))
            os.chmod(ours[1], 0o644)
            settings.update(smtp_tls_cert_file=ours[0],
                            smtp_tls_key_file=ours[1])
            result = self.once(relay, **settings)
            self.assertEqual(result.status, 78, repr(result))
            os.chmod(ours[1], 0o600)
            result = self.once(relay, **settings)
            self.assertEqual(result.status, 0, repr(result))
            self.assertTrue(relay.messages()[0][0]["tls"])


class Messages(Direct):
    offered = ()

    def start(self, *rules, options=(), **settings):
        self.relay = Relay(self, *rules, options=(*OAUTH, *self.offered,
                                                  *options))
        okapi = self.okapi_with(self.relay, smtp_user="anna",
                                smtp_token_command=self.token_command(),
                                **settings)
        okapi.start_spooler()
        return okapi

    def backlog(self, count, *args):
        self.okapi.configure(submit_hold="1h")
        os.kill(self.okapi.spooler.pid, 1)
        self.okapi.spooler.wait_for("reloaded")
        for i in range(count):
            self.send(message(f"m{i:03}"), *(args or ("x@example.org",)))
        self.eventually("a queue", lambda: len(self.okapi.queue()) == count)
        self.okapi.must("queue", "retry", "--all")
        self.queue_empties()

    def taken(self):
        return sorted(email.message_from_bytes(octets)["Subject"]
                      for _, octets in self.relay.messages())

    def test_what_arrives_is_what_the_store_holds(self):
        okapi = self.start()
        data = (b"Return-Path: <old@example.org>\nTo: x@example.org\n"
                b"To: y@example.org\nFrom: anna@okapi.test\n"
                b"Date: Mon, 23 Nov 2026 10:00:00 +0000\n"
                b"Message-ID: <a@okapi.test>\n\n.\n..two\n" + b"x" * 200000
                + b"\nend\n")
        self.send(data, "-t", "-i", "-N", "success,delay", "-R", "hdrs", "-V",
                  "id=1")
        self.queue_empties()
        (envelope, octets), = self.relay.messages()
        self.assertEqual(octets, crlf(data))
        self.assertEqual(envelope["rcpts"],
                         ["x@example.org", "y@example.org"])
        self.assertEqual(envelope["mail_args"][1:], ["RET=HDRS",
                                                     "ENVID=id+3D1"])
        self.assertEqual(envelope["rcpt_args"],
                         [["NOTIFY=SUCCESS,DELAY"]] * 2)
        self.assertEqual(len(okapi.mails("anna", "Sent Items")), 1)

    def test_a_backlog_costs_a_round_trip_a_message(self):
        self.start(smtp_max_sessions=1)
        self.backlog(20)
        self.assertEqual(self.taken(), [f"m{i:03}" for i in range(20)])
        log = self.relay.log()
        self.assertEqual(log.count("EHLO"), 1, log)
        with open(self.runs, encoding="utf-8") as file:
            self.assertEqual(file.read(), "run\n")

    def test_a_backlog_for_who_is_near(self):
        """What waits behind the second message goes over one connection of
        our own client."""
        self.relay = Relay(self)
        self.okapi_with(self.relay, smtp_max_sessions=1)
        self.okapi.start_spooler()
        self.backlog(9)
        self.assertEqual(self.taken(), [f"m{i:03}" for i in range(9)])
        log = self.relay.log()
        self.assertEqual(log.count("EHLO"), 2, log)

    def test_one_after_the_other_without_pipelining(self):
        self.start(options=("--no-ext", "PIPELINING"), smtp_max_sessions=1)
        self.backlog(5)
        self.assertEqual(self.taken(), [f"m{i:03}" for i in range(5)])

    def test_refusals_in_the_middle(self):
        """Of a group that holds the content before and the next envelope."""
        self.start("RCPT:no@*=550 5.1.1 no", "DATA*3=451 4.3.0 later",
                   "DOT*2=452 4.3.1 full", "MAIL*1=450 4.2.0 later",
                   smtp_max_sessions=1)
        self.okapi.configure(submit_hold="1h")
        os.kill(self.okapi.spooler.pid, 1)
        self.okapi.spooler.wait_for("reloaded")
        for i in range(12):
            who = ("no@example.org",) if i % 4 == 1 else (
                "x@example.org", "no@example.org") if i % 4 == 2 else (
                "x@example.org",)
            self.send(message(f"m{i:03}"), *who)
        self.okapi.must("queue", "retry", "--all")
        self.queue_empties()
        self.assertEqual(self.taken(),
                         [f"m{i:03}" for i in range(12) if i % 4 != 1])
        self.assertEqual(len(self.okapi.mails("anna", "Inbox")), 6)

    def test_a_relay_that_takes_so_many_a_connection(self):
        """Whoever was not asked about does not wait for its next attempt."""
        for more in ((), ("--drop-then",)):
            with self.subTest(more):
                relay = Relay(self, options=(*OAUTH, "--per-connection", "3",
                                             *more))
                self.relay = relay
                okapi = self.okapi_with(
                    relay, smtp_user="anna", queue_retry_min="1h",
                    queue_retry_max="1h", smtp_max_sessions=1,
                    smtp_token_command=self.token_command())
                okapi.start_spooler()
                self.backlog(10)
                self.assertEqual(self.taken(), [f"m{i:03}" for i in range(10)])
                self.assertEqual(relay.log().count("EHLO"), 4)

    def test_many_recipients(self):
        self.start("RCPT:u7*=550 5.1.1 no")
        self.send(message("x"), *(f"u{i}@example.org" for i in range(300)))
        self.queue_empties()
        (envelope, _), = self.relay.messages()
        self.assertEqual(envelope["rcpts"], [
            f"u{i}@example.org" for i in range(300)
            if not str(i).startswith("7")])

    def test_a_far_relay_gets_messages_in_groups(self):
        self.relay = relay = Relay(self, "EHLO=delay 0.01")
        okapi = self.okapi_with(relay, smtp_max_sessions=1)
        okapi.start_spooler()
        self.backlog(12)
        self.assertEqual(self.taken(), [f"m{i:03}" for i in range(12)])
        self.assertEqual(relay.log().count("EHLO"), 2)

    def test_large_messages_cost_no_memory(self):
        """Four of them at once, by each transport."""
        text = "x" * 50000 + "\n"
        data = message("large", sender=ANNA, body=text * 80)
        for direct in (False, True):
            relay = Relay(self, "DOT=delay 0.4",
                          options=(*OAUTH,) if direct else ())
            more = {"smtp_user": "anna",
                    "smtp_token_command": self.token_command()}
            okapi = self.okapi_with(relay, **(more if direct else {}))
            for i in range(4):
                okapi.must("mail", "import", "anna", "Drafts", "-",
                           input=data + b"%d\n" % i)
            for mail in okapi.mails("anna", "Drafts"):
                okapi.must("mail", "submit", "anna", str(mail["id"]))
            spooler = okapi.start_spooler()
            most = 0
            while okapi.queue():
                with open(f"/proc/{spooler.pid}/status",
                          encoding="ascii") as file:
                    most = max([most, *(int(line.split()[1]) for line in file
                                        if line.startswith("RssAnon:"))])
            self.assertEqual(sorted(octets[-3:]
                                    for _, octets in relay.messages()),
                             [b"%d\r\n" % i for i in range(4)])
            if not okapi.is_sanitized():
                self.assertLess(most, 12000, "KB of memory for 4 times 4 MB")
            okapi.stop()


class Chunking(Messages):
    """The same with a relay host that takes BDAT (RFC 3030)."""
    offered = ("--ext", "CHUNKING")

    def tearDown(self):
        if hasattr(self, "relay") and "CHUNKING" in self.relay.log():
            self.assertEqual(self.relay.log().count("< DATA"), 0)

    def test_a_near_relay_that_offers_it(self):
        """The first connection is libesmtp's, which cannot."""
        relay = Relay(self, options=self.offered)
        self.okapi_with(relay, smtp_max_sessions=1)
        self.okapi.start_spooler()
        for i in range(2):
            self.send(message(f"m{i}", body=".\n..\nx\n"), "-i",
                      "x@example.org")
            self.queue_empties()
        self.assertEqual(relay.log().count("< DATA"), 1)
        self.assertEqual(relay.log().count("< BDAT"), 1)
        for _, octets in relay.messages():
            self.assertTrue(octets.endswith(b"\r\n\r\n.\r\n..\r\nx\r\n"))

    def test_a_refusal_that_is_not_forgotten(self):
        """Then MAIL is nested: that is no word on the next message."""
        self.start("DOT*1=452 4.3.1 full", "MAIL**1=250 2.1.0 ok",
                   "MAIL**1=503 5.5.1 nested MAIL", smtp_max_sessions=1,
                   queue_retry_min="1s", queue_retry_max="1s")
        self.backlog(4)
        self.assertEqual(self.taken(), [f"m{i:03}" for i in range(4)])
        self.assertEqual(self.okapi.mails("anna", "Inbox"), [])

    def test_stray_line_ends(self):
        self.start()
        self.send(b"Subject: x\n\na\r.\rb\n.\nMAIL FROM:<evil@x>\n", "-i",
                  "x@example.org")
        self.queue_empties()
        (_, octets), = self.relay.messages()
        self.assertTrue(octets.endswith(
            b"\r\na . b\r\n.\r\nMAIL FROM:<evil@x>\r\n"), octets)


if __name__ == "__main__":
    main()
