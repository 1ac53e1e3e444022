/**
 * Names below which strangers have theirs side by side. The public suffix list tells most of them; here stands what it does
 * not tell: in which of them customers choose the names, and zones that it lacks.
 */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Dynamic DNS: anybody takes any free name, programs do too, so that its shape speaks. */
const dynamicZones = words(`
  ddns.net hopto.org zapto.org sytes.net no-ip.org no-ip.biz no-ip.info no-ip.net no-ip.com noip.me myftp.org
  myftp.biz myvnc.com servebeer.com serveblog.net servecounterstrike.com serveftp.com servegame.com
  servehalflife.com servehttp.com serveirc.com serveminecraft.net servemp3.com servepics.com servequake.com
  redirectme.net bounceme.net 3utilities.com gotdns.ch webhop.me viewdns.net myddns.me freedynamicdns.net dyndns.org
  dyndns.biz dyndns.info dyndns.tv dynalias.com dynalias.net dynalias.org dnsalias.com dnsalias.net dnsalias.org
  homeip.net homeunix.com homeunix.net homeunix.org homelinux.com homelinux.net homelinux.org homedns.org
  homeftp.net gotdns.com gotdns.org is-a-geek.com is-a-geek.net is-a-geek.org blogdns.com blogdns.net blogdns.org
  selfip.com selfip.net selfip.org selfip.biz selfip.info kicks-ass.net kicks-ass.org ath.cx yi.org dynserv.com
  dyn-o-saur.com dynu.com dynu.net dynv6.net freeddns.org mywire.org webredirect.org myddns.rocks kozow.com
  loseyourip.com ooguy.com theworkpc.com casacam.net accesscam.org camdvr.org ddnsfree.com giize.com gleeze.com
  mysynology.net duckdns.org mooo.com chickenkiller.com crabdance.com ignorelist.com jumpingcrab.com
  strangled.net twilightparadox.com us.to uk.to my.to changeip.org changeip.net dns04.com dns05.com ddns.info
  ddns.me ddns.ms ddns.us dnset.com dynamic-dns.net dynamicdns.biz dsmtp.com ezua.com faqserv.com ftp1.biz
  itsaol.com jetos.com lflink.com mefound.com mrbasic.com mynumber.org myz.info ns01.biz ns01.info ns01.us ns02.biz
  ns02.info ns02.us onedumb.com onmypc.net onmypc.org organiccrap.com otzo.com port25.biz qhigh.com qpoe.com
  sexidude.com squirly.info toh.info x24hr.com xxuz.com zyns.com zzux.com 4dq.com 25u.com linkpc.net publicvm.com
  dnsd.me dns.army dns.navy v6.rocks v6.navy spdns.org spdns.de spdns.eu dnsup.net now-dns.org now-dns.net
  now-dns.top ntdll.top f3322.net f3322.org 3322.org 8866.org 9966.org 8800.org 2288.org 6600.org 7766.org vicp.net
  vicp.cc oicp.net xicp.net gicp.net eicp.net xicp.cn dnsdynamic.com ydns.eu nsupdate.info dedyn.io dy.fi
  tplinkdns.com
`);

/** Second levels that a company sells like a registry: names there are ordinary names. */
const soldZones = words(`
  br.com cn.com de.com eu.com gr.com jpn.com mex.com ru.com sa.com uk.com us.com za.com co.com gb.net hu.net in.net
  jp.net se.net uk.net ae.org us.org com.de com.se co.nl co.no com.ru msk.ru spb.ru nov.ru net.ru org.ru pp.ru pp.ua
  co.ua biz.ua od.ua co.cz co.pl co.dk co.ca com.pl eu.org nom.pl co.in
`);

/** Zones of clouds and content networks beyond the public suffix list: machines give the names there. */
const platformZones = words(`
  amazonaws.com aws.dev awsdns.com cloudfront.net akamai.net akamaiedge.net akamaihd.net akamaized.net akadns.net
  akam.net edgekey.net edgesuite.net edgekey-staging.net azure.com azureedge.net azurefd.net azure.net azure-api.net
  azurewebsites.net cloudapp.net windows.net trafficmanager.net msedge.net a-msedge.net msecnd.net
  googleusercontent.com 1e100.net googlevideo.com gvt1.com gvt2.com ggpht.com fastly.net fastlylb.net cdn77.org
  b-cdn.net cloudflare.net cdn.cloudflare.net edgecastcdn.net llnwd.net footprint.net hwcdn.net stackpathdns.com
  incapdns.net impervadns.net sucuri.net cdngc.net wscdns.com kunlunar.com alicdn.com alikunlun.com aliyuncs.com
  tcdn.qq.com myqcloud.com ovh.net your-server.de linodeusercontent.com digitaloceanspaces.com vultrusercontent.com
  contaboserver.net oraclecloud.com 000webhostapp.com ngrok.io ngrok-free.app trycloudflare.com sharepoint.com
  onmicrosoft.com
`);

/** How names directly below a shared zone come about. */
export type ZoneKind = 'chosen' | 'assigned';

const kinds: ReadonlyMap<string, ZoneKind> = new Map([
  ...platformZones.map((zone) => [zone, 'assigned'] as const),
  ...[...dynamicZones, ...soldZones].map((zone) => [zone, 'chosen'] as const),
]);

/** Top-level domains that no resolver of the public internet answers, but that programs ask for (OpenNIC, EmerDNS and their like). */
export const alternativeRoots: ReadonlySet<string> = new Set([
  ...[
    'bit',
    'bazar',
    'coin',
    'emc',
    'lib',
    'geek',
    'libre',
    'o',
    'oss',
    'oz',
    'parody',
    'pirate',
    'chan',
    'dyn',
  ],
  ...['epic', 'fur', 'gopher', 'indy', 'neo', 'null', 'opennic', 'bbs', 'cyb', 'ku', 'te', 'ti', 'uu'],
]);

/**
 * The longest known shared zone that a host lies in.
 * @param host lower-case A-labels without final dot
 * @returns the zone, which may be the host itself
 */
export function sharedZone(host: string): { readonly zone: string; readonly kind: ZoneKind } | undefined {
  for (let start = 0; ;) {
    const zone = start === 0 ? host : host.slice(start);
    const kind = kinds.get(zone);
    if (kind !== undefined) return { zone, kind };
    const dot = host.indexOf('.', start);
    if (dot < 0) return undefined;
    start = dot + 1;
  }
}
