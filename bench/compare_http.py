"""bench/compare http: publishing by HTTP beside nginx, live push, idle WebSockets, Kafka's protocol over TLS."""
import base64
import json
import os
import re
import resource
import socket
import subprocess
import tempfile
import time

import compare_peers
from compare_report import median
from compare_server import Failed, OwnServer, built_program, call, delete_topic, free_port, run_steps

CONNECTIONS = 64
OF_NGINX = 1 / 3
SUBSCRIBERS, DELIVERIES_RATE, DELIVERY_P99_MS = 5_000, 300_000, 50
IDLE, IDLE_MB = 20_000, 400
OF_PLAIN = 0.6
CONNECTIONS_A_SOURCE = 10_000
OPENING = ('GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n' % base64.b64encode(bytes(16)).decode()).encode()


def run(options, report):
    suite = Suite(options, report)
    run_steps([('publish', suite.publish), ('fanout', suite.fan_out), ('idle', suite.idle), ('tls', suite.tls)], options, report)


class Leat(OwnServer):
    def __init__(self, options, *arguments):
        self.http_port = free_port()
        super().__init__(options, '--listen', 'http=127.0.0.1:%d' % self.http_port, '--http.max-connections', '30000',
                         *arguments)

    def create_topic(self, name, partitions=1):
        subprocess.run([self.leat, 'topic', 'create', name, '--partitions', str(partitions), '--server', self.address],
                       check=True, capture_output=True)


class Suite:
    def __init__(self, options, report):
        self.options, self.report = options, report
        self.seconds = 3 if options.quick else 10

    def publish(self):
        """1 KiB records, each a request of its own, acknowledged under `interval`; nginx serves a file of 1 KiB."""
        why = compare_peers.Nginx.missing() or compare_peers.missing_program(('wrk',), 'wrk')
        if why:
            return self.report.left_out('publish', why)
        rates, cpus = {}, {}
        with compare_peers.Nginx(self.options) as nginx, Leat(self.options, '--flush', 'interval') as leat:
            leat.create_topic('bench', 4)
            runs = {'nginx, a static body': (nginx.port, '/file', None, nginx.cpu_seconds),
                    'leat, raw': (leat.http_port, '/v1/topics/bench/records', ('text/plain', 'x' * 1024), leat.process.cpu_seconds),
                    'leat, JSON': (leat.http_port, '/v1/topics/bench/records',
                                   ('application/json', json.dumps({'value': 'x' * 1024})), leat.process.cpu_seconds)}
            for _ in range(self.options.repeat):
                for name, (port, path, body, cpu) in runs.items():
                    rate, used = self.wrk(port, path, body, cpu)
                    rates.setdefault(name, []).append(rate)
                    cpus.setdefault(name, []).append(used)
        for name in runs:
            self.report.add(name, median(rates[name]), 'requests/s', runs=rates[name])
            self.report.add(name + ', server CPU', median(cpus[name]), 'µs', runs=cpus[name])
        for name in list(runs)[1:]:
            ratios = [ours / theirs for ours, theirs in zip(rates[name], rates['nginx, a static body'])]
            self.report.add(name + ', to nginx', median(ratios), 'x', OF_NGINX, 'more', runs=ratios)

    def wrk(self, port, path, body, cpu):
        """(requests a second, µs of server CPU a request)"""
        words = ['wrk', '-t', '1', '-c', str(CONNECTIONS), '-d', '%ds' % self.seconds]
        if body:
            script = os.path.join(self.options.folder or '/tmp', 'leat-wrk-%d.lua' % os.getpid())
            with open(script, 'w') as out:
                out.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "%s"\nwrk.body = [[%s]]\n' % body)
            words += ['-s', script]
        before = cpu()
        said = call(words + ['http://127.0.0.1:%d%s' % (port, path)])
        used = cpu() - before
        if body:
            os.unlink(script)
        requests = re.search(r'(\d+) requests in', said)
        if not requests or 'Non-2xx' in said:
            raise Failed('wrk said: %s' % said)
        return float(re.search(r'Requests/sec:\s+([\d.]+)', said).group(1)), used * 1e6 / int(requests.group(1))

    def fan_out(self):
        """One message at a time to so many WebSockets; then at a tenth of the rate."""
        with Leat(self.options) as leat:
            def load(**words):
                program = built_program(self.options, 'resp_load')
                if not program:
                    raise Failed('resp_load cannot be built')
                command = [program, 'websocket', 'fanout', '--port', str(leat.http_port), '--server-pid', str(leat.child.pid),
                           '--connections', str(SUBSCRIBERS), '--size', '100', '--seconds', str(self.seconds)]
                return json.loads(call(command + [word for name, value in words.items() for word in ('--' + name, str(value))]))
            results = [load(pipeline=16) for _ in range(self.options.repeat)]
            rates = [result['per_second'] for result in results]
            self.report.add('deliveries to %d WebSockets' % SUBSCRIBERS, median(rates), '/s', DELIVERIES_RATE, 'more', runs=rates)
            cpus = [result['server_cpu_us'] for result in results]
            self.report.add('delivery, server CPU', median(cpus), 'µs', runs=cpus)
            results = [load(rate=DELIVERIES_RATE / 10 / SUBSCRIBERS) for _ in range(self.options.repeat)]
            for percentile, target in (('p50', None), ('p99', DELIVERY_P99_MS)):
                runs = [result['latency_us'][percentile] / 1000 for result in results]
                self.report.add('publish to delivery at %d/s, %s' % (DELIVERIES_RATE / 10, percentile), median(runs), 'ms',
                                target, 'less', runs=runs)

    def idle(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(IDLE, hard - 1000)
        with Leat(self.options) as leat:
            before, sockets = leat.process.rss_mb(), []
            for i in range(count):
                one = socket.socket()
                one.bind(('127.0.0.%d' % (2 + i // CONNECTIONS_A_SOURCE), 0))
                one.connect(('127.0.0.1', leat.http_port))
                one.sendall(OPENING)
                sockets.append(one)
            for one in sockets:
                if not one.recv(4096).startswith(b'HTTP/1.1 101'):
                    raise Failed('a WebSocket was refused')
            time.sleep(1)
            self.report.add('%d idle WebSockets, memory (RSS)' % count, leat.process.rss_mb(), 'MB', IDLE_MB, 'less')
            self.report.add('an idle WebSocket, memory', (leat.process.rss_mb() - before) * 1024 / count, 'kB')
            for one in sockets:
                one.close()

    def tls(self):
        """The records that a Kafka producer sends over TLS, to those without, and the CPU that they take on both sides: as
        both are configured by default (`commit`, acks=all), and with nobody waiting for the disk."""
        rdkafka = built_program(self.options, 'rdkafka_load')
        if not rdkafka:
            self.report.left_out('produce over TLS, librdkafka', 'librdkafka-dev is not installed')
        with tempfile.TemporaryDirectory(dir=self.options.folder, prefix='leat-bench-') as folder:
            certificate, key = make_certificate(folder)
            for flush, acks in (('commit', 'all'), ('os', '1')):
                for client in ['leat bench'] + (['librdkafka'] if rdkafka else []):
                    self.produce_over_tls(client, rdkafka, flush, acks, certificate, key)

    def produce_over_tls(self, client, rdkafka, flush, acks, certificate, key):
        records = 500_000 if self.options.quick else 3_000_000
        encrypted = '127.0.0.1:%d' % free_port()

        def run(leat, is_encrypted):
            address = encrypted if is_encrypted else leat.address
            leat.create_topic('bench')  # deleted after each run: the next one writes to memory that is at hand
            before = leat.process.cpu_seconds()
            if client == 'librdkafka':
                said = call([rdkafka, 'produce', address, 'bench', str(records), '1024', acks, *([certificate] if is_encrypted else [])])
            else:
                said = call([leat.leat, 'bench', 'produce', '--topic', 'bench', '--records', str(records), '--acks', acks, '--json',
                             '--server', ('tls://' if is_encrypted else '') + address], environment={'LEAT_CA': certificate})
            result = json.loads(said)
            result['server_cpu_us_per_record'] = (leat.process.cpu_seconds() - before) * 1e6 / result['records']
            delete_topic(self.options, leat, 'bench')
            return result

        with Leat(self.options, '--flush', flush, '--listen', 'kafka+tls=' + encrypted, '--tls.certificate', certificate,
                  '--tls.key', key) as leat:
            pairs = [(run(leat, False), run(leat, True)) for _ in range(self.options.repeat)]
        name = 'produce over TLS, %s, %s, acks=%s' % (client, flush, acks)
        note = '; '.join('%s: server CPU %.2f µs, client CPU %.2f µs a record' % (
            side, *(median([pair[at][cpu] for pair in pairs]) for cpu in ('server_cpu_us_per_record', 'client_cpu_us_per_record')))
            for at, side in enumerate(('plain', 'TLS')))
        rates = [pair[1]['records_per_second'] for pair in pairs]
        self.report.add(name, median(rates), 'records/s', runs=rates, note=note)
        ratios = [of_tls['records_per_second'] / plain['records_per_second'] for plain, of_tls in pairs]
        self.report.add(name + ', to plain', median(ratios), 'x', OF_PLAIN, 'more', runs=ratios)


def make_certificate(folder):
    certificate, key = os.path.join(folder, 'server.crt'), os.path.join(folder, 'server.key')
    call(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
          '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate])
    os.chmod(key, 0o600)
    return certificate, key
