import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key and a certificate of its own signing for an address, as PEM, in files of the folder too. */
export function makeCertificate(folder: string, address = '127.0.0.1') {
  const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', `subjectAltName=IP:${address}`, '-keyout', keyFile, '-out', certificateFile],
    ],
    { stdio: 'pipe' },
  );
  const [key, certificate] = [readFileSync(keyFile, 'utf8'), readFileSync(certificateFile, 'utf8')];
  return { key, certificate, keyFile, certificateFile };
}
