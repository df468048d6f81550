// Java as a relying party, with its own library alone: chain, validity and OCSP status of certificates.
//
//   java Check.java http://127.0.0.1:8083/ocsp root.pem issuing.pem holder.pem…
//
// Prints one line for each holder: "good", or "refused: REASON". SOFT_FAIL is not set: no answer is a refusal. NO_FALLBACK:
// the responder decides, and nothing stands in for it.

import java.io.FileInputStream;
import java.net.URI;
import java.security.cert.*;
import java.util.*;

public class Check {
    static X509Certificate read(String file) throws Exception {
        try (var in = new FileInputStream(file)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    static String verdict(URI responder, X509Certificate root, X509Certificate issuing, X509Certificate holder) throws Exception {
        var path = CertificateFactory.getInstance("X.509").generateCertPath(List.of(holder, issuing));
        var validator = CertPathValidator.getInstance("PKIX");
        var status = (PKIXRevocationChecker) validator.getRevocationChecker();
        status.setOcspResponder(responder);
        status.setOptions(Set.of(PKIXRevocationChecker.Option.ONLY_END_ENTITY, PKIXRevocationChecker.Option.NO_FALLBACK));
        var parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.setRevocationEnabled(true);
        parameters.addCertPathChecker(status);
        try {
            validator.validate(path, parameters);
            return "good";
        } catch (CertPathValidatorException refused) {
            if (refused.getCause() instanceof CertificateRevokedException revoked) {
                return "refused: " + revoked.getRevocationReason();
            }
            return "refused: " + refused.getReason();
        }
    }

    public static void main(String[] words) throws Exception {
        var responder = new URI(words[0]);
        var root = read(words[1]);
        var issuing = read(words[2]);
        for (int at = 3; at < words.length; at++) {
            System.out.println(verdict(responder, root, issuing, read(words[at])));
        }
    }
}
