require ["foreverypart", "mime", "extracttext", "fileinto", "variables", "editheader"];
# Programs go to Junk, whatever they are wrapped in; what is signed is marked.
foreverypart {
	if anyof (header :mime :param "filename" :matches "Content-Disposition" ["*.exe", "*.scr"],
	          header :mime :param "name" :matches "Content-Type" ["*.exe", "*.scr"]) {
		fileinto "Junk";
		stop;
	}
	if header :mime :contenttype "Content-Type" "text/calendar" {
		extracttext :first 4096 "calendar";
		if string :contains "${calendar}" "METHOD:REQUEST" {
			fileinto "Everyone";
			break;
		}
	}
}
