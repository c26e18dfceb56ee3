# For test_readers.py: the addresses that mail libraries for Perl show as a message's authors. As
# readers.mjs.
use strict;
use warnings;
use Email::Address::XS;
use JSON::PP;
use MIME::Base64;
use Mail::Address;

my @found;
local $/;
for my $encoded (@{ decode_json(<STDIN>) }) {
    my $text = decode_base64($encoded);
    (my $unfolded = $text) =~ s/\n(?=[ \t])//g;
    my @mail = eval { map { $_->address // "" } Mail::Address->parse($unfolded) };
    my @xs = eval { map { $_->address // "" } Email::Address::XS->parse($unfolded) };
    push @found, { "Mail::Address" => \@mail, "Email::Address::XS" => \@xs };
}
print JSON::PP->new->latin1->encode(\@found);
